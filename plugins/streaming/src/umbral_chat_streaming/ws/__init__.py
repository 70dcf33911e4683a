"""The edge `websocket`: many conversations over one WebSocket, and what a client does in them."""
