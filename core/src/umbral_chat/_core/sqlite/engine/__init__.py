"""The file and its threads: connections, locks, schema, and the queue between the event loop and them."""
