"""Names of Realtime topics, as the migrations' functions make them."""

from __future__ import annotations

from hashlib import md5

MEMBER = "umbral_chat:c:"
"""Before a conversation's id, a slash and its audience: the topic that its members listen to. The audience is drawn
anew when a member is removed, so the topic of now is asked of the database."""

SERVICE = "umbral_chat:s:"
"""Before a shard's number: a topic that instances of the service listen to."""

INSTANCE = "umbral_chat:i:"
"""Before an instance's name: a topic that it alone listens to, for probes."""


def service_topic(conversation: str, shards: int) -> str:
    """The topic on which the service's instances hear of `conversation`: one of a small fixed number, by the first 32
    bits of the MD5 of its id. Same as `_umbral_chat_service_topic` in the database."""
    digest = md5(conversation.encode(), usedforsecurity=False).digest()
    return f"{SERVICE}{int.from_bytes(digest[:4]) % shards}"


__all__ = ["INSTANCE", "MEMBER", "SERVICE", "service_topic"]
