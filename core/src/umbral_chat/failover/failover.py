"""The shell of the failover: runs the transports, carries out the machine's commands, and passes on what arrives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from umbral_chat.clock import Clock
from umbral_chat.failover.machine import POLLING_RANK, Choice, Command, Machine
from umbral_chat.model.signals import Mode, Signal
from umbral_chat.providers.transport import StateChanged, Transport, TransportEvent, TransportState
from umbral_chat.settings.sections import Realtime
from umbral_chat.tasks import Tasks
from umbral_chat.telemetry import Telemetry
from umbral_chat.toggle import ToggleState

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds between two looks of the machine at the time; far below any pause that it gives."""

OUTBOX_LIMIT = 1000
"""Signals waiting to be published. Signals are ephemeral: the oldest is dropped when more come."""


class TransportStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """A transport in `GET /v1/status`."""

    name: str
    rank: int
    state: TransportState
    in_use: bool
    next_attempt_in: float | None = None


class Failover:
    """Owns the transports. `receive` gets every event but states; `changed` is told of a new choice."""

    def __init__(
        self,
        transports: Sequence[Transport],
        *,
        settings: Realtime,
        clock: Clock,
        telemetry: Telemetry,
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
        self._receive = receive
        self._changed = changed
        self._tasks = Tasks("failover")
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._commands: asyncio.Queue[Command] = asyncio.Queue()
        self._outbox: asyncio.Queue[Signal] = asyncio.Queue(OUTBOX_LIMIT)
        self.choice: Choice = self._machine.choice
        telemetry.gauge("umbral_chat.transport.state", self._states)

    @property
    def mode(self) -> Mode:
        """How entries of other instances arrive now."""
        return self.choice.mode

    @property
    def reads_store(self) -> bool:
        """Whether the transport in use finds lost hints by itself, because it reads the store."""
        name = self.choice.transport
        return name is not None and self._transports[name].rank <= POLLING_RANK

    def status(self) -> list[TransportStatus]:
        """Every transport, highest rank first."""
        now = self._clock.monotonic()
        return [
            TransportStatus(
                name=transport.name,
                rank=transport.rank,
                state=transport.state,
                in_use=transport.name == self.choice.transport,
                next_attempt_in=None
                if (at := self._machine.next_attempt(transport.name)) is None
                else max(0.0, at - now),
            )
            for transport in sorted(self._transports.values(), key=lambda transport: -transport.rank)
        ]

    def toggled(self, state: ToggleState) -> None:
        """The operator switched realtime."""
        self._order(self._machine.toggled(enabled=state.enabled, now=self._clock.monotonic()))

    def publish(self, signal: Signal) -> None:
        """Tell other instances, best effort, without waiting."""
        if not self._transports:
            return
        if self._outbox.full():
            self._outbox.get_nowait()
        self._outbox.put_nowait(signal)

    async def run(self, *, enabled: bool) -> None:
        """Run until cancelled, then stop every transport."""
        self._order(self._machine.start(enabled=enabled, now=self._clock.monotonic()))
        publisher = self._tasks.start(self._publish_all(), name="publish")
        commander = self._tasks.start(self._carry_out_all(), name="commands")
        try:
            while not (publisher.done() or commander.done()):
                await self._clock.sleep(TICK)
                self._order(self._machine.tick(self._clock.monotonic()))
            raise RuntimeError("a task of the failover ended")  # its own log line says why
        finally:
            await self._tasks.close()
            for transport in self._transports.values():
                await transport.stop()

    def _order(self, commands: list[Command]) -> None:
        for command in commands:
            self._commands.put_nowait(command)
        choice = self._machine.choice
        if choice != self.choice:
            before, self.choice = self.choice, choice
            if (before.mode, before.transport) != (choice.mode, choice.transport):
                log.info("delivery is %s now (%s)", choice.mode, choice.reason)
                self._changed(choice)

    async def _carry_out_all(self) -> None:
        while True:
            command = await self._commands.get()
            transport = self._transports[command.transport]
            try:
                await self._carry_out(command, transport)
            except Exception as error:
                log.exception("transport %s could not %s", command.transport, command.do)
                self._report(transport, StateChanged(TransportState("down", str(error), self._clock.now())))

    async def _carry_out(self, command: Command, transport: Transport) -> None:
        if command.do == "start":
            await transport.start()
            self._listening[transport.name] = self._tasks.start(self._listen(transport), name=transport.name)
            self._report(transport, StateChanged(transport.state))
        else:
            await transport.stop()
            if (listener := self._listening.pop(transport.name, None)) is not None:
                listener.cancel()
                await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self, transport: Transport) -> None:
        try:
            async for event in transport.events():
                if isinstance(event, StateChanged):
                    self._report(transport, event)
                else:
                    self._receive(event)
        except Exception as error:
            log.exception("transport %s failed", transport.name)
            self._report(transport, StateChanged(TransportState("down", str(error), self._clock.now())))

    def _report(self, transport: Transport, event: StateChanged) -> None:
        state = event.state
        self._order(self._machine.reported(transport.name, state.state, state.reason, self._clock.monotonic()))

    async def _publish_all(self) -> None:
        while True:
            signal = await self._outbox.get()
            name = self.choice.transport
            if name is None:
                continue
            try:
                async with asyncio.timeout(5):
                    await self._transports[name].publish(signal)
            except Exception as error:  # noqa: BLE001 - a signal is best effort, and the next one may go out
                log.debug("a signal was not published over %s: %s", name, error)

    def _states(self) -> list[tuple[tuple[str, ...], int]]:
        return [
            ((name, state), int(transport.state.state == state))
            for name, transport in self._transports.items()
            for state in ("off", "connecting", "live", "degraded", "down")
        ]


__all__ = ["Failover", "TransportStatus"]
