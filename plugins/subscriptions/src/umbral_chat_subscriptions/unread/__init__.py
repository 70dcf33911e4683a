"""Answers that nobody has read: `kind` `unread` of a subscription."""
