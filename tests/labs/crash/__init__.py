"""Torture: senders with random retries and readers that never stop, while the service is killed again and again."""
