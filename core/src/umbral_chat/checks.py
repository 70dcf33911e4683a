"""The core's own checks, for readiness and `umbral-chat doctor`."""

from __future__ import annotations

from umbral_chat.context import Services
from umbral_chat.providers.edges import Check, CheckResult


def core_checks(services: Services) -> list[Check]:
    """Does the history answer, does the delivery work."""

    async def history() -> CheckResult:
        await services.storage.history.heads(["umbral-chat-check"])
        return CheckResult(ok=True, detail=f"{services.storage.name} answers")

    async def delivery() -> CheckResult:
        broken = [one for one in services.failover.status() if one.in_use and one.state.state in {"degraded", "down"}]
        if broken:
            return CheckResult(
                ok=False,
                detail=f"{broken[0].name} is {broken[0].state.state}: {broken[0].state.reason}",
                mend="umbral-chat status shows every transport; the service answers from its own store meanwhile.",
            )
        return CheckResult(ok=True, detail=f"{services.failover.mode}: {services.failover.choice.reason}")

    return [Check("history", history, ready=True), Check("delivery", delivery, ready=True)]


__all__ = ["core_checks"]
