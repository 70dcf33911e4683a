"""Why a link was lost, and what that asks of the next try. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["closed", "silent", "unheard", "expired", "limited", "refused", "unreachable"]
"""The server or the network ended it; nothing came any more; the socket answers, and what the database broadcasts does
not come; the token's time was over; there was too much; it was not let in; it was not reached."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A link that is over."""

    kind: Kind
    reason: str


def of_words(words: str, *, otherwise: Kind) -> Lost:
    """What the server's words mean: a refused join's reason, or a system message.

    Words differ between versions of the server (docs and source disagree on names), so it goes by what they have in
    common. They may hold no more than a topic's name, and are shortened all the same.
    """
    said = re.sub(r"\s+", " ", words).strip()[:200] or "no reason given"
    low = said.lower()
    if "expired" in low:
        return Lost("expired", said)
    if "ratelimit" in low or "rate limit" in low or low.startswith("too many") or "connectionpool" in low:
        return Lost("limited", said)
    if low.startswith(("unauthorized", "invalidjwt", "malformedjwt", "jwtsign", "privateonly", "tenantnotfound")) or (
        "permission" in low or "disabledfortenant" in low
    ):
        return Lost("refused", said)
    return Lost(otherwise, said)


def of_status(status: int, words: str) -> Lost:
    """What a refused handshake means: 401 the key, 403 suspended, 404 no such project, 429 too many, else its own."""
    said = f"the handshake was answered with {status}" + (f" ({words[:200]})" if words else "")
    if status == 401 and "expired" in words.lower():
        return Lost("expired", said)
    if status == 429:
        return Lost("limited", said)
    if status in {401, 403, 404}:
        return Lost("refused", said)
    return Lost("unreachable", said)


__all__ = ["Kind", "Lost", "of_status", "of_words"]
