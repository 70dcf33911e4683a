"""What `connect` says of this edge."""

from __future__ import annotations

from umbral_chat.providers.edges import Offer

from umbral_chat_streaming.ws.edge import PATH
from umbral_chat_streaming.ws.handler import EDGE
from umbral_chat_streaming.ws.socket import PING_MS

RANK = 60
"""Above Server-Sent Events: a client that takes both writes over the same connection, too."""


def websocket_offer(public_url: str | None) -> Offer:
    """The offer: with a scheme of WebSockets (RFC 6455, section 3) where the public URL is known, else relative."""
    base = "" if public_url is None else "ws" + public_url.removeprefix("http").rstrip("/")
    return Offer(edge=EDGE, rank=RANK, url=base + PATH, parameters={"ping_ms": PING_MS})


__all__ = ["RANK", "websocket_offer"]
