"""The failover state machine. Pure: it is told what happened and at what time, and answers what to do.

Each transport above polling is in one of the states of `TransportState`; the machine starts it when realtime is
switched on, takes it down when it does not become live in time, and tries again after a pause that grows with jitter
and has a budget. The choice is the highest-ranked live transport; polling otherwise, which is never taken down. One
that comes and goes is chosen again only when it stays: whoever reads is told each change of the choice.
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
"""Seconds that a transport must have been live to count as well. Whatever lives shorter comes and goes: its pauses go
on growing. So even what always falls just after it is not tried more than 120 times an hour, the default budget."""

HOLD, LONGEST_HOLD = 1.0, STABLE
"""Seconds for which one that came and went twice must be live before it is used; doubled with each further time."""

DEGRADED_PATIENCE = 60.0
"""Seconds that a transport may be degraded: it runs, says what is wrong, and knows best when to try again, as after a
quota was used up."""


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
    live_since: float | None = None
    short_lives: int = 0
    """How often in a row it was live for less than `STABLE`."""
    trusted_at: float = 0.0
    trusted: bool = False
    """Live for long enough to be used."""

    def lives(self, now: float) -> None:
        """It became live."""
        hold = 0.0 if self.short_lives < 2 else min(LONGEST_HOLD, HOLD * 2.0 ** min(self.short_lives - 2, 10))
        self.live_since, self.trusted_at = now, now + hold
        self.trusted = hold == 0.0

    def falls(self, now: float) -> None:
        """It is not live any more, if it was."""
        if self.live_since is None:
            return
        if now - self.live_since >= STABLE:
            self.short_lives, self.pause = 0, 0.0
        else:
            self.short_lives += 1
        self.live_since, self.trusted = None, False

    def forgive(self) -> None:
        """Begin anew, as if nothing had failed."""
        self.short_lives, self.pause = 0, 0.0
        self.attempts.clear()


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
            if known.rank > POLLING_RANK and known.running and known.trusted:
                return Choice("live", known.name, known.reason)
        above = next((known for known in self._known if known.rank > POLLING_RANK), None)
        why = "no other transport is installed"
        if above is not None:
            reason = "it comes and goes, and is used when it stays" if above.live_since is not None else above.reason
            why = f"{above.name}: {reason}"
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
                known.forgive()  # the operator's word is no retry
                commands += self._begin(known, now)
            else:
                commands += self._end(known, "switched off", now)
        return commands

    def reported(self, transport: str, run: int, state: StateName, reason: str, now: float) -> list[Command]:
        """A transport says how it is in its `run`-th run."""
        known = self._by_name[transport]
        if not known.running or run != known.run:
            return []
        if state == "live" and known.live_since is None:
            known.lives(now)
        elif state != "live" and known.live_since is not None:
            known.falls(now)
            known.waiting_since = now
        known.state, known.reason = state, reason
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
            elif known.running and known.state == "live":
                known.trusted = known.trusted or now >= known.trusted_at
            elif known.running and known.rank > POLLING_RANK:
                patience = DEGRADED_PATIENCE if known.state == "degraded" else self._connect_timeout
                if now - known.waiting_since >= patience:
                    commands += self._fail(known, f"not live within {patience:g} s ({known.reason})", now)
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

    def _end(self, known: _Known, reason: str, now: float) -> list[Command]:
        known.falls(now)
        known.next_attempt = None
        was_running, known.running = known.running, False
        known.state, known.reason = "off", reason
        return [Command("stop", known.name, known.run)] if was_running else []

    def _fail(self, known: _Known, reason: str, now: float) -> list[Command]:
        commands = self._end(known, reason, now)
        known.state = "down"
        known.failed_at = now
        known.next_attempt = now + self._pause(known, now)
        return commands

    def _pause(self, known: _Known, now: float) -> float:
        retry = self._retry
        longest = min(retry.max, max(retry.initial, known.pause * retry.multiplier))
        # The next one grows from what was drawn and not from the bound, so that instances drift ever further apart.
        known.pause = longest * (1 - retry.jitter * self._random.random())
        recent = [attempt for attempt in known.attempts if attempt > now - HOUR]
        if 2 * len(recent) <= retry.budget:
            return known.pause
        # The first half of the hour's tries may be quick; the rest is spread over what is left of the hour.
        return max(known.pause, (recent[0] + HOUR - now) / (retry.budget - len(recent) + 1))


__all__ = ["HOUR", "POLLING_RANK", "Choice", "Command", "Machine", "Waiting"]
