"""The ETag of a poll: equal exactly when nothing in the answer could have changed."""

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
    """A weak ETag, since `poll_after_ms` is not covered. Everything else that an answer depends on is: the caller, the
    query, the log's head and redactions, the mode, and the signals."""
    return (
        f'W/"{_short(subject)}-{after.epoch}.{after.seq}-{limit}-{strategy}-{epoch}.{head}-{redaction}'
        + _signals(mode, version)
    ).encode()


def matches(sent: str | None, tag: bytes) -> bool:
    """Whether an `If-None-Match`, which may list several, has the tag. `*` has none: it is for writes."""
    return sent is not None and tag.decode() in sent


def knows_signals(sent: str | None, mode: str, version: int) -> bool:
    """Whether an `If-None-Match` is of an answer, to whatever query, that had these signals; true without one.

    A client that continues from a new cursor sends the tag of the answer before, whose signals may still be the present
    ones.
    """
    return sent is None or _signals(mode, version) in sent


def _signals(mode: str, version: int) -> str:
    return f'-{mode}-{version:x}"'


@lru_cache(maxsize=16_384)
def _short(subject: str) -> str:
    # A subject may be long, may contain any character, and is private.
    return blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


__all__ = ["etag", "knows_signals", "matches"]
