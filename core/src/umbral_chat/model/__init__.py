"""What travels: ids, cursors, entries, writes, conversations and signals, as frozen msgspec Structs."""
