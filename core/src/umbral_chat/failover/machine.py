"""The failover state machine. Pure: it is told what happened and at what time, and answers what to do.

Each transport above polling is in one of the states of `TransportState`; the machine starts it when realtime is
switched on, takes it down when it does not become live in time, and tries again after a pause that grows with jitter
and has a budget. The choice is the highest-ranked live transport; polling otherwise, which is never taken down.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from umbral_chat.model.signals import Mode
from umbral_chat.providers.transport import StateName
from umbral_chat.settings.sections import Retry

POLLING_RANK = 0
"""Transports up to this rank read the store themselves: they are the fallback, and the toggle does not touch them."""

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Command:
    """Do this to that transport. `run` numbers its starts: what is said of an earlier one counts no more."""

    do: Literal["start", "stop"]
    transport: str
    run: int


@dataclass(frozen=True, slots=True)
class Choice:
    """How entries of other instances arrive now. `transport` None: there is none, this instance is alone."""

    mode: Mode
    transport: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transport that failed: why, when, and when it is tried again, in the machine's time."""

    reason: str
    since: float
    until: float


@dataclass(slots=True)
class _Known:
    name: str
    rank: int
    state: StateName = "off"
    reason: str = "not started"
    running: bool = False
    run: int = 0
    waiting_since: float = 0.0
    """When it was last live, or began: from then on it has `connect_timeout` to become live."""
    pause: float = 0.0
    next_attempt: float | None = None
    failed_at: float = 0.0
    attempts: deque[float] = field(default_factory=deque)
    """Times of the newest tries, at most as many as the hour's budget."""


class Machine:
    """See the module. `now` is monotonic seconds. The shell carries commands out; of several for one transport that
    it has not come to yet, only the newest matters."""

    def __init__(
        self,
        transports: Iterable[tuple[str, int]],
        *,
        retry: Retry,
        connect_timeout: float,
        rng: random.Random | None = None,
    ) -> None:
        self._known = sorted(
            (_Known(name, rank, attempts=deque(maxlen=retry.budget)) for name, rank in transports),
            key=lambda known: -known.rank,
        )
        self._by_name = {known.name: known for known in self._known}
        self._retry = retry
        self._connect_timeout = connect_timeout
        self._random = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._enabled = True

    @property
    def choice(self) -> Choice:
        """What is used now."""
        for known in self._known:
            if known.rank > POLLING_RANK and known.running and known.state == "live":
                return Choice("live", known.name, known.reason)
        above = next((known for known in self._known if known.rank > POLLING_RANK), None)
        why = f"{above.name}: {above.reason}" if above else "no other transport is installed"
        for known in self._known:
            if known.rank <= POLLING_RANK:
                return Choice("polling", known.name, why)
        return Choice("local", None, "no transport: entries of other processes are not seen")

    def start(self, *, enabled: bool, now: float) -> list[Command]:
        """The service starts."""
        self._enabled = enabled
        return [command for known in self._known for command in self._begin(known, now)]

    def toggled(self, *, enabled: bool, now: float) -> list[Command]:
        """The operator switched realtime. Never damped: off stops at once, on tries at once."""
        if enabled == self._enabled:
            return []
        self._enabled = enabled
        commands: list[Command] = []
        for known in self._known:
            if known.rank <= POLLING_RANK:
                continue
            if enabled:
                known.pause = 0.0
                known.attempts.clear()  # the operator's word is no retry
                commands += self._begin(known, now)
            else:
                commands += self._end(known, "switched off")
        return commands

    def reported(self, transport: str, run: int, state: StateName, reason: str, now: float) -> list[Command]:
        """A transport says how it is in its `run`-th run."""
        known = self._by_name[transport]
        if not known.running or run != known.run:
            return []
        if known.state == "live" != state:
            known.waiting_since = now
        known.state, known.reason = state, reason
        if state == "live":
            known.pause = 0.0
        # Polling tries again by itself.
        return self._fail(known, reason, now) if state == "down" and known.rank > POLLING_RANK else []

    def broke(self, transport: str, run: int, reason: str, now: float) -> list[Command]:
        """A transport failed in a way that it cannot mend itself: it did not start, or its events came to an end."""
        known = self._by_name[transport]
        return self._fail(known, reason, now) if known.running and run == known.run else []

    def tick(self, now: float) -> list[Command]:
        """Time went on."""
        commands: list[Command] = []
        for known in self._known:
            if known.next_attempt is not None and now >= known.next_attempt:
                commands += self._begin(known, now)
            elif (
                known.running
                and known.rank > POLLING_RANK
                and known.state != "live"
                and now - known.waiting_since >= self._connect_timeout
            ):
                commands += self._fail(known, f"not live within {self._connect_timeout:g} s ({known.reason})", now)
        return commands

    def waiting(self, transport: str) -> Waiting | None:
        """Why a transport is down and when it is tried again; None when it runs or is switched off."""
        known = self._by_name[transport]
        return None if known.next_attempt is None else Waiting(known.reason, known.failed_at, known.next_attempt)

    def _begin(self, known: _Known, now: float) -> list[Command]:
        known.next_attempt = None
        if known.running or (not self._enabled and known.rank > POLLING_RANK):
            if not known.running:
                known.state, known.reason = "off", "switched off"
            return []
        known.running, known.state, known.reason = True, "connecting", "starting"
        known.run += 1
        known.waiting_since = now
        known.attempts.append(now)
        return [Command("start", known.name, known.run)]

    def _end(self, known: _Known, reason: str) -> list[Command]:
        known.next_attempt = None
        was_running, known.running = known.running, False
        known.state, known.reason = "off", reason
        return [Command("stop", known.name, known.run)] if was_running else []

    def _fail(self, known: _Known, reason: str, now: float) -> list[Command]:
        commands = self._end(known, reason)
        known.state = "down"
        known.failed_at = now
        known.next_attempt = now + self._pause(known, now)
        return commands

    def _pause(self, known: _Known, now: float) -> float:
        retry = self._retry
        known.pause = min(retry.max, max(retry.initial, known.pause * retry.multiplier))
        if len(known.attempts) == retry.budget and known.attempts[0] > now - HOUR:
            return retry.max  # the hour's tries are used up: whatever comes and goes is left in peace
        return known.pause * (1 - retry.jitter * self._random.random())


__all__ = ["HOUR", "POLLING_RANK", "Choice", "Command", "Machine", "Waiting"]
