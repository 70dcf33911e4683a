"""Durable consumers of logs: each conversation to one instance at a time, from a stored cursor, at least once."""
