"""The shared store in the file: records, leases and recent signals."""
