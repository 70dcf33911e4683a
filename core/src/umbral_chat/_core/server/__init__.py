"""The HTTP/1.1 side of the service, in front of the application: what a connection may take, and until when."""
