"""Checks requests about conversations and turns them into writes; drafts of messages that are still being written."""
