"""What `connect` says of polling."""

from __future__ import annotations

from umbral_chat.providers.edges import Offer

from umbral_chat_polling.document import PATH
from umbral_chat_polling.settings import Polling


def offer(conversation: str, settings: Polling, *, public_url: str | None) -> Offer:
    """The offer of rank 0. Its URL is relative when the service does not know under which one it is reached."""
    return Offer(
        edge="poll",
        rank=0,
        url=(public_url or "").rstrip("/") + PATH.replace("{conversation:str}", conversation),
        parameters={
            "wait": settings.long_poll_timeout,
            "batch_size": settings.batch_size,
            "poll_after_ms": round(1000 * settings.interval),
            "min_poll_after_ms": round(1000 * settings.min_interval),
            "max_poll_after_ms": round(1000 * settings.max_interval),
            "sync_strategy": settings.sync_strategy,
        },
    )


__all__ = ["offer"]
