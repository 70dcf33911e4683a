"""Watching what a service says: the loop that survives its absence, and the two ways to show what it sees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from umbral_chat._core.cli.client import Client, Json
from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat._core.cli.output import UNBOUNDED, moment, one_line, print_json
from umbral_chat._core.cli.retry import passes
from umbral_chat._core.cli.summary import essence, summary
from umbral_chat._core.cli.wrapping import hanging

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

ANSWER_WITHIN = 5.0
"""Seconds to wait for an answer: it is made from memory, so one that takes longer is as good as none."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. `status` is the newest answer that came; `away_since` tells that it is old, and `reason` why."""

    status: Json
    away_since: datetime | None = None
    reason: str = ""


async def watch(
    client: Client,
    show: Callable[[Seen], None],
    *,
    interval: float,
    path: str = "/v1/status",
    shape: Any = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Look at `path` every `interval` seconds, until cancelled; `show` gets every look, whose answer fits `shape`.

    A service that answered once and is lost is asked again without end. Raises Unreachable when it never answered,
    Problem for what does not pass by itself.
    """
    newest: Json = None
    away: datetime | None = None
    while True:
        try:
            newest = await client.call("GET", path, within=ANSWER_WITHIN, shape=shape)
        except (Unreachable, Problem) as error:
            if newest is None or not passes(error):
                raise
            away = away or datetime.now(UTC)
            show(Seen(newest, away, str(error)))
        else:
            away = None
            show(Seen(newest))
        await sleep(interval)


class Lines:
    """Each change as a line of JSON: an answer, or `{"away_since": …, "reason": …}` while none comes. `essence` is what
    of an answer two equal ones have in common."""

    def __init__(self, essence: Callable[[Json], object] = essence) -> None:
        self._essence = essence
        self._shown: object = None

    def __call__(self, seen: Seen) -> None:
        """Print it, unless that was printed last."""
        now = seen.away_since or self._essence(seen.status)
        if now == self._shown:
            return
        self._shown = now
        if seen.away_since is None:
            print_json(seen.status, lines=True)
        else:
            print_json({"away_since": seen.away_since, "reason": seen.reason}, lines=True)


class Screen:
    """A few lines under a title, drawn anew in place; where there is no terminal, printed at each change."""

    def __init__(
        self,
        console: Console,
        url: str,
        *,
        summary: Callable[[Json], Iterable[Text]] = summary,
        essence: Callable[[Json], object] = essence,
    ) -> None:
        from rich.live import Live

        self._console, self._url, self._summary, self._essence = console, url, summary, essence
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown: object = None

    def opened(self) -> AbstractContextManager[object]:
        """The time in which it is shown."""
        return self._live or nullcontext()

    def __call__(self, seen: Seen) -> None:
        """Show it."""
        from rich.text import Text

        width = self._console.width if self._live is not None else UNBOUNDED
        lines = Text("\n").join(part for line in self._lines(seen) for part in hanging(line, width, 4))
        if self._live is not None:
            self._live.update(lines, refresh=True)
            return
        now = seen.away_since or self._essence(seen.status)
        if now != self._shown:
            self._shown = now
            self._console.print(lines, soft_wrap=True)

    def _lines(self, seen: Seen) -> list[Text]:
        from rich.text import Text

        now = datetime.now(UTC)
        head = Text.assemble((f"Umbral Chat at {self._url}", "bold"), (f"  {moment(now.isoformat())}", "dim"))
        if seen.away_since is None:
            return [head, *self._summary(seen.status)]
        seconds = (now - seen.away_since).total_seconds()
        lost = f"✗ no answer since {moment(seen.away_since.isoformat())} ({seconds:.0f} s)"
        return [
            head,
            Text.assemble((lost, "bold red"), f"  {one_line(seen.reason, 300)} Trying again; the last that was told:"),
            *(Text.assemble(line, style="dim") for line in self._summary(seen.status)),
        ]


__all__ = ["Lines", "Screen", "Seen", "watch"]
