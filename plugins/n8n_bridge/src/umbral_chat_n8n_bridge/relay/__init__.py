"""The relay: user messages go to a chat's workflow, and its answers are written to the log."""
