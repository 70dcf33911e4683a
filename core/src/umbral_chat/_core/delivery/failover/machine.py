"""The failover state machine. Pure: it takes events with their time and returns what to do.

Each transport above polling is in one of the states of `TransportState`; the machine starts it when realtime is
switched on, takes it down when it does not become live in time, and tries again after a pause that grows with jitter
and has a budget. The choice is the highest-ranked live transport; polling otherwise, which is never taken down. One
that flaps is chosen again only when it stays live: readers are notified of each change of the choice.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from umbral_chat._core.settings.sections import Retry
from umbral_chat.model.signals import Mode
from umbral_chat.providers.transport import StateName

POLLING_RANK = 0
"""Transports up to this rank read the store themselves: they are the fallback, and the toggle does not touch them."""

HOUR = 3600.0

STABLE = 30.0
"""Seconds that a transport must have been live to count as stable. One that is live for less is flapping: its pauses go
on growing. So even one that always fails just after it is not tried more than 120 times an hour, the default budget."""

HOLD, LONGEST_HOLD = 1.0, STABLE
"""Seconds for which one that flapped twice must be live before it is used; doubled with each further time."""

DEGRADED_TIMEOUT = 60.0
"""Seconds that a transport may be degraded: it runs, says what is wrong, and knows best when to try again, as after a
quota was used up."""


@dataclass(frozen=True, slots=True)
class Command:
    """Start or stop a transport. `run` numbers its starts: reports of an earlier run are ignored."""

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
class ScheduledRetry:
    """A transport that failed: why, when, and when it is tried again, in the machine's time."""

    reason: str
    since: float
    until: float


@dataclass(slots=True)
class _TransportRecord:
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
    live_since: float | None = None
    short_lives: int = 0
    """How often in a row it was live for less than `STABLE`."""
    trusted_at: float = 0.0
    trusted: bool = False
    """Live for long enough to be used."""

    def went_live(self, now: float) -> None:
        """It became live."""
        hold = 0.0 if self.short_lives < 2 else min(LONGEST_HOLD, HOLD * 2.0 ** min(self.short_lives - 2, 10))
        self.live_since, self.trusted_at = now, now + hold
        self.trusted = hold == 0.0

    def went_down(self, now: float) -> None:
        """It is no longer live, if it was."""
        if self.live_since is None:
            return
        if now - self.live_since >= STABLE:
            self.short_lives, self.pause = 0, 0.0
        else:
            self.short_lives += 1
        self.live_since, self.trusted = None, False

    def reset(self) -> None:
        """Forget failures."""
        self.short_lives, self.pause = 0, 0.0
        self.attempts.clear()


class Machine:
    """See the module. `now` is monotonic seconds. The caller executes the commands; of several for one transport that
    it has not executed yet, only the newest matters."""

    def __init__(
        self,
        transports: Iterable[tuple[str, int]],
        *,
        retry: Retry,
        connect_timeout: float,
        rng: random.Random | None = None,
    ) -> None:
        self._records = sorted(
            (_TransportRecord(name, rank, attempts=deque(maxlen=retry.budget)) for name, rank in transports),
            key=lambda record: -record.rank,
        )
        self._by_name = {record.name: record for record in self._records}
        self._retry = retry
        self._connect_timeout = connect_timeout
        self._random = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._enabled = True

    @property
    def choice(self) -> Choice:
        """What is used now."""
        for record in self._records:
            if record.rank > POLLING_RANK and record.running and record.trusted:
                return Choice("live", record.name, record.reason)
        above = next((record for record in self._records if record.rank > POLLING_RANK), None)
        why = "no other transport is installed"
        if above is not None:
            reason = "it comes and goes, and is used when it stays" if above.live_since is not None else above.reason
            why = f"{above.name}: {reason}"
        for record in self._records:
            if record.rank <= POLLING_RANK:
                return Choice("polling", record.name, why)
        return Choice("local", None, "no transport: entries of other processes are not seen")

    def start(self, *, enabled: bool, now: float) -> list[Command]:
        """The service starts."""
        self._enabled = enabled
        return [command for record in self._records for command in self._begin(record, now)]

    def toggled(self, *, enabled: bool, now: float) -> list[Command]:
        """The operator switched realtime. Never damped: off stops at once, on tries at once."""
        if enabled == self._enabled:
            return []
        self._enabled = enabled
        commands: list[Command] = []
        for record in self._records:
            if record.rank <= POLLING_RANK:
                continue
            if enabled:
                record.reset()  # a manual switch is no retry
                commands += self._begin(record, now)
            else:
                commands += self._end(record, "switched off", now)
        return commands

    def reported(self, transport: str, run: int, state: StateName, reason: str, now: float) -> list[Command]:
        """A transport reports its state in its `run`-th run."""
        record = self._by_name[transport]
        if not record.running or run != record.run:
            return []
        if state == "live" and record.live_since is None:
            record.went_live(now)
        elif state != "live" and record.live_since is not None:
            record.went_down(now)
            record.waiting_since = now
        record.state, record.reason = state, reason
        # Polling tries again by itself.
        return self._fail(record, reason, now) if state == "down" and record.rank > POLLING_RANK else []

    def failed(self, transport: str, run: int, reason: str, now: float) -> list[Command]:
        """A transport failed and cannot recover by itself: it did not start, or its events ended."""
        record = self._by_name[transport]
        return self._fail(record, reason, now) if record.running and run == record.run else []

    def tick(self, now: float) -> list[Command]:
        """Advance to `now`."""
        commands: list[Command] = []
        for record in self._records:
            if record.next_attempt is not None and now >= record.next_attempt:
                commands += self._begin(record, now)
            elif record.running and record.state == "live":
                record.trusted = record.trusted or now >= record.trusted_at
            elif record.running and record.rank > POLLING_RANK:
                timeout = DEGRADED_TIMEOUT if record.state == "degraded" else self._connect_timeout
                if now - record.waiting_since >= timeout:
                    commands += self._fail(record, f"not live within {timeout:g} s ({record.reason})", now)
        return commands

    def waiting(self, transport: str) -> ScheduledRetry | None:
        """Why a transport is down and when it is tried again; None when it runs or is switched off."""
        record = self._by_name[transport]
        return (
            None
            if record.next_attempt is None
            else ScheduledRetry(record.reason, record.failed_at, record.next_attempt)
        )

    def _begin(self, record: _TransportRecord, now: float) -> list[Command]:
        record.next_attempt = None
        if record.running or (not self._enabled and record.rank > POLLING_RANK):
            if not record.running:
                record.state, record.reason = "off", "switched off"
            return []
        record.running, record.state, record.reason = True, "connecting", "starting"
        record.run += 1
        record.waiting_since = now
        record.attempts.append(now)
        return [Command("start", record.name, record.run)]

    def _end(self, record: _TransportRecord, reason: str, now: float) -> list[Command]:
        record.went_down(now)
        record.next_attempt = None
        was_running, record.running = record.running, False
        record.state, record.reason = "off", reason
        return [Command("stop", record.name, record.run)] if was_running else []

    def _fail(self, record: _TransportRecord, reason: str, now: float) -> list[Command]:
        commands = self._end(record, reason, now)
        record.state = "down"
        record.failed_at = now
        record.next_attempt = now + self._pause(record, now)
        return commands

    def _pause(self, record: _TransportRecord, now: float) -> float:
        retry = self._retry
        longest = min(retry.max, max(retry.initial, record.pause * retry.multiplier))
        # The next one grows from what was drawn and not from the bound, so that instances drift ever further apart.
        record.pause = longest * (1 - retry.jitter * self._random.random())
        recent = [attempt for attempt in record.attempts if attempt > now - HOUR]
        if 2 * len(recent) <= retry.budget:
            return record.pause
        # The first half of the hour's tries may be quick; the rest is spread over what is left of the hour.
        return max(record.pause, (recent[0] + HOUR - now) / (retry.budget - len(recent) + 1))


__all__ = ["HOUR", "POLLING_RANK", "Choice", "Command", "Machine", "ScheduledRetry"]
