"""Names of Realtime topics, the same as in the migrations' functions."""

from __future__ import annotations

from hashlib import md5

MEMBER = "umbral_chat:c:"
"""Prefix of a conversation's id, a slash and its audience: the topic that its members join. The audience is drawn anew
when a member is removed, so the present topic is read from the database."""

SERVICE = "umbral_chat:s:"
"""Prefix of a shard's number: a topic that the service's instances join."""

INSTANCE = "umbral_chat:i:"
"""Prefix of an instance's name: a topic that only it joins, for probes."""


def service_topic(conversation: str, shards: int) -> str:
    """The topic of broadcasts to the service's instances about `conversation`: one of `shards`, by the first 32 bits of
    the MD5 of its id. Same as `_umbral_chat_service_topic` in the database."""
    digest = md5(conversation.encode(), usedforsecurity=False).digest()
    return f"{SERVICE}{int.from_bytes(digest[:4]) % shards}"


__all__ = ["INSTANCE", "MEMBER", "SERVICE", "service_topic"]
