"""The ETag of a poll: equal exactly when nothing of the answer could have changed."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from umbral_chat.model.cursor import Cursor


def etag(
    *,
    subject: str,
    after: Cursor,
    limit: int,
    strategy: str,
    epoch: str | None,
    head: int,
    redaction: int,
    mode: str,
    version: int,
) -> bytes:
    """Weak, since `poll_after_ms` is not covered. Everything else that an answer depends on is: who asks, what for,
    where the log stands, what was blanked in it, how it is delivered, and its signals."""
    return (
        f'W/"{_short(subject)}-{after.epoch}.{after.seq}-{limit}-{strategy}-{epoch}.{head}-{redaction}'
        + _signals(mode, version)
    ).encode()


def matches(sent: str | None, tag: bytes) -> bool:
    """Whether an `If-None-Match` names the tag; it may name several. `*` names none: it is about writes."""
    return sent is not None and tag.decode() in sent


def knows_signals(sent: str | None, mode: str, version: int) -> bool:
    """Whether an `If-None-Match` is of an answer, to whatever query, that told of these signals; true without one.

    A client that goes on from a new cursor sends the tag of the answer before, whose entries it has and whose signals
    may still be all there is to know.
    """
    return sent is None or _signals(mode, version) in sent


def _signals(mode: str, version: int) -> str:
    return f'-{mode}-{version:x}"'


@lru_cache(maxsize=16_384)
def _short(subject: str) -> str:
    # A subject may be long, may hold any character, and is nobody else's business.
    return blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


__all__ = ["etag", "knows_signals", "matches"]
