"""The kind of each question, which decides whether the stand-in may deliberately answer differently."""

from __future__ import annotations

from collections.abc import Mapping

REFUSALS = (
    "handshake no key",
    "handshake delays",
    "handshake expired",
    "handshake bad signature",
    "handshake no role",
    "handshake no exp",
    "handshake malformed",
    "handshake garbage",
    "handshake unknown tenant",
    "v1 join ok",
    "v2 join ok",
    "v2 join again same topic",
    "broadcast on a topic not joined",
    "empty topic",
    "topic without realtime:",
    "join without config",
    "join with odd config",
    "join private stranger (no policy)",
    "join expired token",
    "join bad signature",
    "join malformed",
    "join no role",
    "join role unknown to the database",
    "join sub no uuid",
    "join public with expired token",
    "join access_token sb_",
    "join ok before",
    "heartbeat beside a refused join (ref 92, seconds)",
    "three refused joins on one socket, seconds each",
    "join short token",
    "join public on a handshake token of 6 s",
    "join again with it",
    "write denied with ack",
    "write allowed with ack",
    "presence join",
    "track no map",
    "track where presence was not enabled",
    "private join, broadcast only readable, presence asked",
    "what it is told",
    "its track",
    "replay join",
    "replay v1 join limit 1",
    "replay public",
    "replay public got",
    "replay since text",
    "replay since text got",
    "replay no since",
    "replay no since got",
    "replay limit 100",
    "replay limit 0",
    "replay limit text",
    "replay limit text got",
    "replay since in the future",
    "replay since beyond",
    "replay since beyond got",
    "batch ok",
    "batch with id",
    "batch private not allowed",
    "batch no auth",
    "batch bad token",
    "batch expired token",
    "batch empty",
    "batch no messages",
    "batch invalid",
    "batch payload text",
    "single ok",
    "single not allowed",
    "single text/plain",
    "single binary",
    "single bad json",
    "single json text",
    "single no auth",
)
"""What is refused and what is accepted, with which text and after which pause."""

RATES = (
    "presence rate",
    "third channel of two",
    "another socket",
    "joins rate: joined before the refusal",
    "joins rate refusal",
    "after it",
    "users: first joins",
    "users: second handshake",
    "rate: sent before the end",
    "rate: sender is told",
    "rate: listener heard",
    "rate: listener is told",
    "rate: heartbeat after",
    "rate: REST",
    "rate: a join while over",
    "rate: database message while over",
)
"""A plan's rates and counts, and which clients are notified when one is used up."""

CLOSES = (
    "v1 leave",
    "after rejoin",
    "garbage frame",
    "token expiry frames",
    "socket after expiry",
    "good token",
    "sb_ token",
    "null token",
    "bad signature token",
    "malformed token",
    "expired token sent",
    "token without read permission sent",
    "refreshed before expiry",
    "frames at its end",
    "socket after the handshake token ended",
    "silent socket: frames within 75 s",
)
"""What ends a channel or a socket, and what does not."""

PAYLOAD_LIMITS = (
    "too big with ack",
    "frame over 5 MB",
    "db message over the limit",
    "db message of 250 kB",
    "replay limit 100 got",
    "replay limit 0 got",
    "batch too big",
    "single too big",
)
"""Limits of sizes and counts of messages."""

FRAME_TYPES = (
    "v1 after join",
    "v2 heartbeat reply",
    "v2 replication_ready",
    "ack + self (v2)",
    "heard by v1",
    "binary push raw (v2)",
    "binary raw heard by v1",
    "binary push json (v2)",
    "binary json heard by v1",
    "no type (v1), heard by v2",
    "no event (v1), heard by v2",
    "no payload (v1), heard by v2",
    "db public, v2",
    "db public, v1",
    "after presence join",
    "replay frame (v2)",
    "replay v1 frame",
    "batch heard v1",
    "batch heard v2",
    "batch id heard v1",
    "single heard v1",
    "single heard v2",
    "single binary heard v2",
    "single binary heard v1",
)
"""Text or binary, in which version, and which frames are sent unasked."""

FREE = (
    "v1 heartbeat reply",
    "unknown event",
    "track",
    "presence_diff at the other",
    "track again",
    "untrack",
    "replay numbers",
    "replay since in the future got",
    "replay of one transaction, order",
)
"""None of these kinds: only here may there be a deliberate difference."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "refusals": REFUSALS,
    "rates": RATES,
    "closes": CLOSES,
    "payload limits": PAYLOAD_LIMITS,
    "frame types": FRAME_TYPES,
    "free": FREE,
}
"""Questions by kind. Each question is of one kind."""


def kind_of(question: str) -> str | None:
    """The kind of a question; None: it is not listed."""
    return next((kind for kind, questions in KINDS.items() if question in questions), None)


__all__ = ["FREE", "KINDS", "kind_of"]
