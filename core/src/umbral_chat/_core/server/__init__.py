"""The HTTP/1.1 server in front of the application: bounds and deadlines of every connection."""
