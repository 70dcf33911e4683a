"""Push mode: an unmodified widget of n8n keeps the WebSocket open that it has for response nodes, and is sent whatever
is said in its conversation."""
