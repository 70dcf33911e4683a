"""The doctor's checks and what they depend on: each runs once, and only if the checks that it needs have passed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import Check, CheckResult


@dataclass(frozen=True)
class DependentCheck:
    """One check. `needs`: the checks that must have passed, or this one is skipped; `unless`: those that must not have
    failed, and may be skipped. `seconds`: how long it may take."""

    name: str
    look: Callable[[], Awaitable[CheckResult]]
    needs: tuple[str, ...] = ()
    seconds: float = 20.0
    unless: tuple[str, ...] = ()


class CheckGraph:
    """Checks in their order, and their results; a check that is asked for twice runs once."""

    def __init__(self) -> None:
        self._checks: dict[str, DependentCheck] = {}
        self._results: dict[str, CheckResult] = {}

    def add(self, checks: Sequence[DependentCheck]) -> None:
        """Append checks."""
        self._checks |= {check.name: check for check in checks}

    def checks(self) -> list[Check]:
        """As the core runs them. None needs the store: whether that can be opened is what they find out."""

        def convert(check: DependentCheck) -> Check:
            async def run() -> CheckResult:
                return await self.result(check.name)

            return Check(check.name, run, seconds=check.seconds, needs_store=False)

        return [convert(check) for check in self._checks.values()]

    async def result(self, name: str) -> CheckResult:
        """The result of a check, which runs unless it has run before."""
        if (known := self._results.get(name)) is not None:
            return known
        check = self._checks[name]
        for need in check.needs:
            if need in self._checks and (why := _why_not(need, await self.result(need))):
                self._results[name] = skipped(why)
                return self._results[name]
        for other in check.unless:
            if not (await self.result(other)).ok:
                self._results[name] = skipped(not_checked(other))
                return self._results[name]
        # What remains if the check is cancelled at its time limit.
        self._results[name] = CheckResult(ok=False, detail="did not finish")
        try:
            self._results[name] = await check.look()
        except HistoryUnavailable as error:
            self._results[name] = failed(error.detail, CALL_MEND)
        return self._results[name]

    async def has_passed(self, name: str) -> bool:
        """Whether the check exists, was not skipped and passed."""
        return name in self._checks and not _why_not(name, await self.result(name))


CALL_MEND = "docs/how-to/supabase.md, “When it does not”, says what to do for each of these reasons."
"""For a call that failed, whose own detail says most."""


def passed(detail: str) -> CheckResult:
    """A green line."""
    return CheckResult(ok=True, detail=detail)


def failed(detail: str, mend: str) -> CheckResult:
    """A red line."""
    return CheckResult(ok=False, detail=detail, mend=mend)


def skipped(why: str) -> CheckResult:
    """A line of a check that did not run."""
    return CheckResult(ok=True, detail=why, skipped=True)


def not_checked(failed_check: str) -> str:
    """The detail of a check that is skipped because of another one."""
    return f"not checked, since “{failed_check}” failed"


def _why_not(need: str, result: CheckResult) -> str | None:
    """Why a check that needs this result is skipped; None: it need not be."""
    if result.skipped:
        return result.detail
    return None if result.ok else not_checked(need)


__all__ = ["CALL_MEND", "CheckGraph", "DependentCheck", "failed", "not_checked", "passed", "skipped"]
