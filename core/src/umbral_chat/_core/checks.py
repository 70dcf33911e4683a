"""The core's own checks, for readiness and `umbral-chat doctor`."""

from __future__ import annotations

from umbral_chat._core.delivery.failover.machine import POLLING_RANK
from umbral_chat._core.parts import ServiceParts
from umbral_chat.providers.edges import Check, CheckResult
from umbral_chat.providers.history import TellsWhetherItWrites


def core_checks(services: ServiceParts) -> list[Check]:
    """Does the history answer, does the delivery work, and where something pushes, does that."""

    async def answers() -> CheckResult:
        await services.storage.history.heads(["umbral-chat-check"])
        history = services.storage.history
        reason = await history.refuses_writes() if isinstance(history, TellsWhetherItWrites) else None
        if reason is not None:
            return CheckResult(
                ok=False,
                detail=f"{services.storage.name} answers reads; sends are refused: {reason}",
                mend="Make room on the disk of core.database; sends are taken again by themselves.",
            )
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

    async def realtime() -> CheckResult:
        toggle = services.toggle.state
        if not toggle.enabled:
            # By whom is for those who may ask for the status: readiness is open to all.
            when = "in the settings" if toggle.locked else "" if toggle.at is None else f"since {toggle.at:%FT%TZ}"
            return CheckResult(ok=True, detail=f"switched off {when}".strip())
        pushing = [one for one in services.failover.status() if one.rank > POLLING_RANK]
        best = next((one for one in pushing if one.in_use), pushing[0])
        detail = f"{best.name} is {best.state.state} since {best.state.since:%FT%TZ}: {best.state.reason}"
        if best.next_attempt_in is not None:
            detail += f"; next attempt in {best.next_attempt_in:.1f} s"
        if best.state.state in {"degraded", "down"}:
            mend = "Readers go on by polling and miss nothing; umbral-chat status --watch shows when it is back."
            return CheckResult(ok=False, detail=detail, mend=mend)
        return CheckResult(ok=True, detail=detail)

    checks = [Check("history", answers, ready=True), Check("delivery", delivery, ready=True)]
    if any(one.rank > POLLING_RANK for one in services.failover.status()):
        checks.append(Check("realtime", realtime, ready=True))
    return checks


__all__ = ["core_checks"]
