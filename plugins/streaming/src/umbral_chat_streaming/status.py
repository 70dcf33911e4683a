"""The status of a stream: it is open, and how its entries arrive; or it ends, why, and whether to come back."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec
from umbral_chat.errors import ConversationDeleted, CursorExpired, Forbidden, RequestError, Unauthorized
from umbral_chat.model.signals import Mode

Reconnect = Literal["now", "renew", "poll", "never"]
"""What a client does next: come back (after `retry_ms`, if given); come back with new credentials; poll until `connect`
offers streams again; not come back."""


class Opened(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="state", tag="open"):
    """The first event of a stream, and again when the mode or the staleness changes. What a client knew of drafts,
    typing, presence and runs is void at the first one: what there is follows."""

    mode: Mode
    cursor: str
    """Where the stream stands: what it sends next follows this."""
    head: int
    stale_since: datetime | None = None
    """The history has not answered since then: there may be more than is sent."""


class Closed(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="state", tag="closed"):
    """The last event of a stream."""

    code: str
    reconnect: Reconnect
    detail: str
    retry_ms: int | None = None
    """Milliseconds after which to come back, drawn for this connection."""


RECONNECT: Final[dict[str, Reconnect]] = {
    "draining": "now",
    "slow_consumer": "now",
    "rebalance": "now",
    "token_expired": "renew",
    "unauthorized": "renew",
    "forbidden": "never",
    "origin_refused": "never",
    "realtime_off": "poll",
    "conversation_deleted": "never",
    "cursor_expired": "never",
    "unavailable": "now",
}
"""Why streams end, and what their clients do next."""


def closed(code: str, detail: str, *, retry: float | None = None) -> Closed:
    """The status of this code; `retry` in seconds."""
    after = None if retry is None else max(0, round(1000 * retry))
    return Closed(code=code, reconnect=RECONNECT[code], detail=detail, retry_ms=after)


def closed_by(error: RequestError) -> Closed:
    """The status of a stream that an error ends."""
    match error:
        case ConversationDeleted() | CursorExpired():
            code = error.code
        case Unauthorized():
            code = "token_expired" if error.code == "token_expired" else "unauthorized"
        case Forbidden():
            code = "forbidden"
        case _:
            return closed("unavailable", error.detail, retry=1.0)
    return closed(code, error.detail)


def encode_status(status: Opened | Closed) -> bytes:
    """The status as JSON."""
    return _encoder.encode(status)


_encoder = msgspec.json.Encoder()

__all__ = ["RECONNECT", "Closed", "Opened", "Reconnect", "closed", "closed_by", "encode_status"]
