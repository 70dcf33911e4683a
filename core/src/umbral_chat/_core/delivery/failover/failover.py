"""The I/O of the failover: runs the transports, executes the machine's commands, and passes on events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from umbral_chat._core.delivery.bus import LogChange
from umbral_chat._core.delivery.failover.announcer import Announcer
from umbral_chat._core.delivery.failover.machine import POLLING_RANK, Choice, Command, Machine
from umbral_chat._core.delivery.failover.supervisor import TransportSupervisor
from umbral_chat._core.delivery.toggle import ToggleState
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat._core.settings.sections import Realtime
from umbral_chat.clock import Clock
from umbral_chat.model.signals import Mode, Signal
from umbral_chat.providers.transport import Announces, StandsBy, StateName, Transport, TransportEvent, TransportState
from umbral_chat.transport_kit.signal_outbox import SignalOutbox

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds between two ticks of the machine; far below any pause that it asks for."""

PUBLISH_TIMEOUT = 5.0
"""Seconds that a transport may block the publisher; the signal is dropped then."""


class TransportStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """A transport in `GET /v1/status`."""

    name: str
    rank: int
    state: TransportState
    in_use: bool
    next_attempt_in: float | None = None


class Failover:
    """Owns the transports, and publishes what is in `signals` over the one in use.

    `receive` is called with every event but states, `changed` with every new choice.
    """

    def __init__(
        self,
        transports: Sequence[Transport],
        *,
        settings: Realtime,
        clock: Clock,
        telemetry: Telemetry,
        signals: SignalOutbox,
        receive: Callable[[TransportEvent], None],
        changed: Callable[[Choice], None],
    ) -> None:
        self._transports = {transport.name: transport for transport in transports}
        self._machine = Machine(
            [(transport.name, transport.rank) for transport in transports],
            retry=settings.retry,
            connect_timeout=settings.connect_timeout,
        )
        self._clock = clock
        self._changed = changed
        self._tasks = Tasks("failover")
        self._supervisors = {
            name: TransportSupervisor(
                transport,
                start_timeout=settings.connect_timeout,
                on_state=self._state_changed,
                on_failure=self._failed,
                on_event=receive,
            )
            for name, transport in self._transports.items()
        }
        self._announcers = {
            name: Announcer(name, transport, partial(self._state_name, name))
            for name, transport in self._transports.items()
            if isinstance(transport, Announces)
        }
        self._signals = signals
        self.choice: Choice = self._machine.choice
        telemetry.gauge("umbral_chat.transport.state", self._states)

    @property
    def mode(self) -> Mode:
        """How entries of other instances arrive now."""
        return self.choice.mode

    @property
    def reads_store(self) -> bool:
        """Whether the transport in use finds lost hints by itself because it reads the store."""
        name = self.choice.transport
        return name is not None and self._transports[name].rank <= POLLING_RANK

    def status(self) -> list[TransportStatus]:
        """Every transport, highest rank first."""
        now = self._clock.monotonic()
        return [
            TransportStatus(
                name=transport.name,
                rank=transport.rank,
                state=self._state(transport),
                in_use=transport.name == self.choice.transport,
                next_attempt_in=None
                if (waiting := self._machine.waiting(transport.name)) is None
                else max(0.0, waiting.until - now),
            )
            for transport in sorted(self._transports.values(), key=lambda transport: -transport.rank)
        ]

    def toggled(self, state: ToggleState) -> None:
        """The operator switched realtime, or repeated its value: on then also means to try at once."""
        now = self._clock.monotonic()
        if state.enabled and self.choice.mode != "live" and any(map(self._machine.waiting, self._transports)):
            # It may have been switched off and on between two reads of the toggle. A transport that failed for that
            # reason, or another, must not wait for a pause that an instance which saw both does not have.
            self._execute(self._machine.toggled(enabled=False, now=now))
        self._execute(self._machine.toggled(enabled=state.enabled, now=now))

    def publish(self, signal: Signal) -> None:
        """Queue a signal for other instances, best effort. Never waits, never raises."""
        self._signals.put(signal)

    def announce(self, change: LogChange) -> None:
        """Announce a change made here over every transport that needs it. Never waits, never raises."""
        for announcer in self._announcers.values():
            announcer.put(change)

    async def run(self, *, enabled: bool) -> None:
        """Run until cancelled, then stop every transport."""
        self._execute(self._machine.start(enabled=enabled, now=self._clock.monotonic()))
        tasks = [self._tasks.start(self._publish_all(), name="publish")]
        for name, supervisor in self._supervisors.items():
            tasks.append(self._tasks.start(supervisor.run(), name=name))
        for name, announcer in self._announcers.items():
            tasks.append(self._tasks.start(announcer.run(), name=f"announce {name}"))
        try:
            while not any(task.done() for task in tasks):
                await self._clock.sleep(TICK)
                self._execute(self._machine.tick(self._clock.monotonic()))
            raise RuntimeError("a task of the failover ended")  # its own log line says why
        finally:
            await self._tasks.close()

    def _execute(self, commands: list[Command]) -> None:
        for command in commands:
            self._supervisors[command.transport].set_target(command.run if command.do == "start" else None)
        before, self.choice = self.choice, self._machine.choice
        if (before.mode, before.transport) != (self.choice.mode, self.choice.transport):
            log.info("delivery is %s now (%s)", self.choice.mode, self.choice.reason)
            self._notify_standby()
            self._changed(self.choice)

    def _notify_standby(self) -> None:
        for transport in self._transports.values():
            if isinstance(transport, StandsBy):
                transport.stand_by(standing=self.choice.mode == "live" and transport.name != self.choice.transport)

    def _state_changed(self, transport: str, run: int, state: TransportState) -> None:
        now = self._clock.monotonic()
        if (announcer := self._announcers.get(transport)) is not None:
            announcer.wake()
        self._execute(self._machine.reported(transport, run, state.state, state.reason, now))

    def _failed(self, transport: str, run: int, reason: str) -> None:
        self._execute(self._machine.failed(transport, run, reason, self._clock.monotonic()))

    async def _publish_all(self) -> None:
        while True:
            await self._signals.filled()
            _, signal = self._signals.pop()
            name = self.choice.transport
            if name is None:
                continue
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT):
                    await self._transports[name].publish(signal)
            except Exception as error:  # noqa: BLE001 - a signal is best effort, and the next one may go out
                log.debug("a signal was not published over %s: %s", name, error)

    def _state(self, transport: Transport) -> TransportState:
        waiting = self._machine.waiting(transport.name)
        if waiting is None:
            return transport.state
        # It is stopped until its next try: why it failed is known here and not there.
        ago = timedelta(seconds=self._clock.monotonic() - waiting.since)
        return TransportState("down", waiting.reason, self._clock.now() - ago)

    def _state_name(self, transport: str) -> StateName:
        return self._state(self._transports[transport]).state

    def _states(self) -> list[tuple[tuple[str, ...], int]]:
        return [
            ((name, state), int(self._state(transport).state == state))
            for name, transport in self._transports.items()
            for state in ("off", "connecting", "live", "degraded", "down")
        ]


__all__ = ["Failover", "TransportStatus"]
