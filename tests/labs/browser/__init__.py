"""The JavaScript client in a real Chromium: whatever happens, each page ends equal to the log."""
