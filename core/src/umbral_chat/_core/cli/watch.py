"""Polling an endpoint until cancelled, through outages, and showing its answers as JSON Lines or on a screen."""

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
from umbral_chat._core.cli.retry import is_transient
from umbral_chat._core.cli.summary import essence, summary
from umbral_chat._core.cli.wrapping import wrap_hanging

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

ANSWER_TIMEOUT = 5.0
"""Seconds. The answer is made from memory, so one that takes longer counts as none."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """The outcome of one request. `status` is the newest answer. If this request failed, `away_since` is the time of
    the first failure since that answer, and `reason` the error."""

    status: Json
    away_since: datetime | None = None
    reason: str = ""


async def watch(
    client: Client,
    show: Callable[[PollResult], None],
    *,
    interval: float,
    path: str = "/v1/status",
    shape: Any = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Get `path` every `interval` seconds, until cancelled; `show` is called with each outcome. `shape` is the msgspec
    type that an answer must match.

    Once the service has answered, transient errors are retried without end. Raises Unreachable if it never answered,
    Problem for an error that is not transient.
    """
    newest: Json = None
    away: datetime | None = None
    while True:
        try:
            newest = await client.call("GET", path, within=ANSWER_TIMEOUT, shape=shape)
        except (Unreachable, Problem) as error:
            if newest is None or not is_transient(error):
                raise
            away = away or datetime.now(UTC)
            show(PollResult(newest, away, str(error)))
        else:
            away = None
            show(PollResult(newest))
        await sleep(interval)


class Lines:
    """Prints each change as a line of JSON: an answer, or `{"away_since": …, "reason": …}` while there is none. An
    answer is a change if its `essence` differs from that of the one before."""

    def __init__(self, essence: Callable[[Json], object] = essence) -> None:
        self._essence = essence
        self._shown: object = None

    def __call__(self, seen: PollResult) -> None:
        """Print `seen`, unless it is no change."""
        now = seen.away_since or self._essence(seen.status)
        if now == self._shown:
            return
        self._shown = now
        if seen.away_since is None:
            print_json(seen.status, lines=True)
        else:
            print_json({"away_since": seen.away_since, "reason": seen.reason}, lines=True)


class Screen:
    """Draws a few lines under a title, updated in place; without a terminal they are printed at each change."""

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
        """A context manager; the screen is drawn inside it."""
        return self._live or nullcontext()

    def __call__(self, seen: PollResult) -> None:
        """Draw `seen`; without a terminal, print it if it is a change."""
        from rich.text import Text

        width = self._console.width if self._live is not None else UNBOUNDED
        lines = Text("\n").join(part for line in self._lines(seen) for part in wrap_hanging(line, width, 4))
        if self._live is not None:
            self._live.update(lines, refresh=True)
            return
        now = seen.away_since or self._essence(seen.status)
        if now != self._shown:
            self._shown = now
            self._console.print(lines, soft_wrap=True)

    def _lines(self, seen: PollResult) -> list[Text]:
        from rich.text import Text

        now = datetime.now(UTC)
        head = Text.assemble((f"Umbral Chat at {self._url}", "bold"), (f"  {moment(now.isoformat())}", "dim"))
        if seen.away_since is None:
            return [head, *self._summary(seen.status)]
        seconds = (now - seen.away_since).total_seconds()
        lost = f"✗ no answer since {moment(seen.away_since.isoformat())} ({seconds:.0f} s)"
        return [
            head,
            Text.assemble((lost, "bold red"), f"  {one_line(seen.reason, 300)} Trying again; the last answer:"),
            *(Text.assemble(line, style="dim") for line in self._summary(seen.status)),
        ]


__all__ = ["Lines", "PollResult", "Screen", "watch"]
