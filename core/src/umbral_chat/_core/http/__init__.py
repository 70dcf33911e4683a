"""The HTTP API: bodies in, calls on the services, problem details out."""
