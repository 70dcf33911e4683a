"""Lines of the doctor, each looked at once, and only if what it needs is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import Check, CheckResult


@dataclass(frozen=True)
class Line:
    """One line. `needs`: the lines without which nothing can be said; `unless`: those that must not be red, and may be
    skipped. `seconds`: how long it may take."""

    name: str
    look: Callable[[], Awaitable[CheckResult]]
    needs: tuple[str, ...] = ()
    seconds: float = 20.0
    unless: tuple[str, ...] = ()


class Findings:
    """What the lines say, in their order; a line that is asked for twice is looked at once."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._found: dict[str, CheckResult] = {}

    def add(self, lines: Sequence[Line]) -> None:
        """These come next."""
        self._lines |= {line.name: line for line in lines}

    def checks(self) -> list[Check]:
        """As the core runs them. None needs the store: whether that can be opened is what is looked at."""

        def check(line: Line) -> Check:
            async def run() -> CheckResult:
                return await self.of(line.name)

            return Check(line.name, run, seconds=line.seconds, needs_store=False)

        return [check(line) for line in self._lines.values()]

    async def of(self, name: str) -> CheckResult:
        """What the line says."""
        if (known := self._found.get(name)) is not None:
            return known
        line = self._lines[name]
        for need in line.needs:
            if need in self._lines and (why := _missing(need, await self.of(need))):
                self._found[name] = skipped(why)
                return self._found[name]
        for other in line.unless:
            if not (await self.of(other)).ok:
                self._found[name] = skipped(_not_well(other))
                return self._found[name]
        # What stays when the look is cancelled, because its time is over.
        self._found[name] = CheckResult(ok=False, detail="did not come to an end")
        try:
            self._found[name] = await line.look()
        except HistoryUnavailable as error:
            self._found[name] = failed(error.detail, CALL_MEND)
        return self._found[name]

    async def is_well(self, name: str) -> bool:
        """Whether the line is there, looked at and well."""
        return name in self._lines and not _missing(name, await self.of(name))


CALL_MEND = "docs/how-to/supabase.md, “When it does not”, says what each of these reasons asks for."
"""Of a call that failed: its own words are the most of it."""


def well(detail: str) -> CheckResult:
    """Green."""
    return CheckResult(ok=True, detail=detail)


def failed(detail: str, mend: str) -> CheckResult:
    """Red."""
    return CheckResult(ok=False, detail=detail, mend=mend)


def skipped(why: str) -> CheckResult:
    """Not looked at."""
    return CheckResult(ok=True, detail=why, skipped=True)


def _missing(need: str, found: CheckResult) -> str | None:
    if found.skipped:
        # Why that one was skipped is why this one is.
        return found.detail
    return None if found.ok else _not_well(need)


def _not_well(name: str) -> str:
    return f"cannot be looked at while “{name}” is not well"


__all__ = ["CALL_MEND", "Findings", "Line", "failed", "skipped", "well"]
