"""What routes are built from, a plugin's like the core's own: reading a request, answering it, and the hot route."""
