"""Requests about a conversation checked and turned into writes, and the drafts of what is not written yet."""
