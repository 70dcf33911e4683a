"""Why the link was disconnected, which decides when to reconnect. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["closed", "silent", "unheard", "expired", "limited", "refused", "unreachable"]
"""The server or the network closed it; nothing was received any more; the socket works, but the database's broadcasts
do not arrive; the token expired; a rate or a quota was exceeded; the server refused it; the server was not reached."""


@dataclass(frozen=True, slots=True)
class Disconnection:
    """The end of a connection."""

    kind: Kind
    reason: str


def from_server_message(message: str, *, otherwise: Kind) -> Disconnection:
    """The meaning of a refused join's reason, or of a system message; `otherwise` where it is not known.

    Messages differ between versions of the server (docs and source disagree on names), so this matches what they have
    in common. They may contain no more than a topic's name, and are shortened all the same.
    """
    reason = re.sub(r"\s+", " ", message).strip()[:200] or "no reason given"
    low = reason.lower()
    if "expired" in low:
        return Disconnection("expired", reason)
    if "ratelimit" in low or "rate limit" in low or low.startswith("too many") or "connectionpool" in low:
        return Disconnection("limited", reason)
    if low.startswith(("unauthorized", "invalidjwt", "malformedjwt", "jwtsign", "privateonly", "tenantnotfound")) or (
        "permission" in low or "disabledfortenant" in low
    ):
        return Disconnection("refused", reason)
    return Disconnection(otherwise, reason)


def from_status(status: int, message: str) -> Disconnection:
    """The meaning of a refused handshake: 401 the key, 403 suspended, 404 no such project, 429 a rate limit, else a
    failure of the server."""
    reason = f"the handshake was answered with {status}" + (f" ({message[:200]})" if message else "")
    if status == 401 and "expired" in message.lower():
        return Disconnection("expired", reason)
    if status == 429:
        return Disconnection("limited", reason)
    if status in {401, 403, 404}:
        return Disconnection("refused", reason)
    return Disconnection("unreachable", reason)


__all__ = ["Disconnection", "Kind", "from_server_message", "from_status"]
