"""The lab of presence: people join, type, reload, crash and leave over two instances whose Realtime is broken.

The driver keeps its own account of who is here, and imports nothing of the product."""
