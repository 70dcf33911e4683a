"""Live streams for Umbral Chat.

Conversations are streamed by a hub that encodes each frame once for all subscribers. The plugin is loaded by its entry
point; `umbral_chat_streaming.hub` is what an edge is built on.
"""
