"""The edge `sse`: one conversation as Server-Sent Events."""
