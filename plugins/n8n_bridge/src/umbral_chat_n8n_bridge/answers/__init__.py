"""What n8n answers to a chat message, read from its bytes as they come. Without I/O."""
