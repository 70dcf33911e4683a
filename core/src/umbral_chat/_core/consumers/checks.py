"""The doctor's check of the consumers: conversations that wait because too much was given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat._core.consumers.dead_letters import DeadLetters
from umbral_chat._core.consumers.registry import ConsumerRegistry
from umbral_chat.providers.edges import Check, CheckResult

if TYPE_CHECKING:
    from umbral_chat.context import Services


def consumer_check(services: Services) -> Check:
    """Has a consumer as many dead letters as are kept."""

    async def run() -> CheckResult:
        store, limit = services.storage.store, services.base.settings.core.consumers.dead_letters
        names = await ConsumerRegistry(store).names()
        counts = {name: await DeadLetters(store, name).count() for name in names}
        full = sorted(name for name, count in counts.items() if count >= limit)
        if full:
            return CheckResult(
                ok=False,
                detail=f"as many dead letters as are kept ({limit}), conversations wait: {', '.join(full[:5])}",
                mend="umbral-chat consumers failed NAME lists the reasons; then retry or drop them.",
            )
        return CheckResult(ok=True, detail=f"{sum(counts.values())} dead letters", skipped=not counts)

    return Check("consumers", run, seconds=10.0)


__all__ = ["consumer_check"]
