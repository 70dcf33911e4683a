"""The HTTP API against its own OpenAPI document: `python -m tests.labs.fuzz`."""
