"""What `connect` offers of a conversation's own channel."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from umbral_chat.providers.edges import Offer

from umbral_chat_realtime_supabase.users.authenticator import User

if TYPE_CHECKING:
    from umbral_chat.providers.auth import Principal

    from umbral_chat_realtime_supabase.settings import Supabase

RANK = 20
"""Above polling (0), below a stream from this service (30): what the service pushes counts once towards the plan's
messages, however many clients follow; on its own channel each client counts once more for each entry."""

EVENTS = {
    "entry": ["conversation", "epoch", "seq", "entry?"],
    "signals": ["conversation", "signals"],
    "moved": ["conversation", "epoch", "topic"],
    "deleted": ["conversation", "epoch"],
}
"""The events on it, each with the fields of its payload. Without `entry` the entry was too long: read the gap."""


def offer(
    conversation: str, principal: Principal, settings: Supabase, *, here: str, reconcile_interval: float
) -> Offer | None:
    """The offer for `principal`, or None: it is no user of the project, no key for browsers is set, or nothing is
    broadcast to members of this conversation. Its authenticator has checked the membership, and read the topic.

    `here` is the URL under which clients reach this service, `reconcile_interval` in seconds."""
    if not isinstance(principal, User) or not principal.topic or not settings.publishable_key:
        return None
    return Offer(
        edge="direct",
        rank=RANK,
        url=f"{settings.public_base}/realtime/v1",
        parameters={
            "supabase_url": settings.public_base,
            "publishable_key": settings.publishable_key,
            "topic": principal.topic,
            "private": True,
            # As supabase-js takes it: channel(topic, {config}).
            "config": {"private": True, "broadcast": {"self": False, "ack": False}},
            # The channel is joined with the user's own token, refreshed before it expires.
            "token": "user",
            "events": EVENTS,
            # {cursor} is that of `connect` or of the last answer, or EPOCH.SEQ of the last entry that was applied.
            "fill_gap": f"{here.rstrip('/')}/v1/conversations/{quote(conversation, safe='')}/events?after={{cursor}}",
            # Realtime does not guarantee delivery: a client that reads this often is never further behind.
            "reconcile_every_ms": round(1000 * reconcile_interval),
        },
        # If the service's own transport is down, a page's channel most likely is too. Without one that is unknown.
        transport="supabase" if settings.realtime else None,
    )


__all__ = ["EVENTS", "RANK", "offer"]
