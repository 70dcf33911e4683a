"""Subscriptions under faults: receivers and workers that fail in every way, and instances that are killed."""
