"""Subscriptions: named durable consumers over HTTP, that get the entries of many conversations by push or by pull."""
