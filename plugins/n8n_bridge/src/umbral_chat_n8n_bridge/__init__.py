"""The n8n bridge: user messages go to a chat workflow of n8n, and its answers come into the log."""
