"""Thousands of streams through a restart: each comes back from its cursor, and not all in the same moment."""
