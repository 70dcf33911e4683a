"""Supervision of one transport: it is brought to the state that the machine wants, whatever the transport does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from umbral_chat._core.runtime.tasks import Tasks, being_cancelled
from umbral_chat.providers.transport import StateChanged, Transport, TransportEvent, TransportState

log = logging.getLogger(__name__)

STOP_TIMEOUT = 5.0
"""Seconds within which a transport must stop; the service goes on without waiting longer."""

YIELD_EVERY = 100
"""Events handled in a row before other tasks run."""


class TransportSupervisor:
    """Starts and stops a transport. Of the targets set while it was busy only the newest is carried out.

    `on_state` is called with the transport's state, `on_failure` with the reason when it cannot go on, each with the
    number of the run; `on_event` with every other event.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        start_timeout: float,
        on_state: Callable[[str, int, TransportState], None],
        on_failure: Callable[[str, int, str], None],
        on_event: Callable[[TransportEvent], None],
    ) -> None:
        self._transport = transport
        self._start_timeout = start_timeout
        self._on_state = on_state
        self._on_failure = on_failure
        self._on_event = on_event
        self._target: int | None = None
        self._current: int | None = None
        self._started = False
        """From the start until a stop has ended."""
        self._changed = asyncio.Event()
        self._tasks = Tasks("transport")

    def set_target(self, run: int | None) -> None:
        """Bring it to its `run`-th run, or stop it (None)."""
        self._target = run
        self._changed.set()

    async def run(self) -> None:
        """Follow the target until cancelled, then stop the transport."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._current != self._target:
                    if self._current is not None:
                        await self._stop()
                    else:
                        await self._start(self._target)
        finally:
            if self._started:
                # Also when this was cancelled in the middle of a stop, which is then repeated as a whole.
                await self._stop()

    async def _start(self, run: int | None) -> None:
        if run is None:
            return
        self._current, self._started = run, True
        failure = await _attempt(self._transport.start(), within=self._start_timeout)
        if failure is not None:
            log.warning("transport %s did not start: %s", self._transport.name, failure)
            self._on_failure(self._transport.name, run, failure)
            return
        self._tasks.start(self._listen(run), name=self._transport.name)

    async def _stop(self) -> None:
        self._current = None
        try:
            failure = await _attempt(self._transport.stop(), within=STOP_TIMEOUT)
            if failure is not None:
                log.warning("transport %s did not stop: %s", self._transport.name, failure)
        finally:
            # Before Python 3.11.3 a timeout in a task that is being cancelled ends as its cancellation (gh-102780).
            await self._tasks.close()
        self._started = False

    async def _listen(self, run: int) -> None:
        name, reason = self._transport.name, "its events ended"
        try:
            self._on_state(name, run, self._transport.state)
            handled = 0
            async for event in self._transport.events():
                self._handle(run, event)
                handled += 1
                if handled % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            reason = "its events were cancelled"
        except Exception as error:
            log.exception("transport %s failed", name)
            reason = _reason(error)
        if self._current == run:
            self._on_failure(name, run, reason)

    def _handle(self, run: int, event: TransportEvent) -> None:
        if isinstance(event, StateChanged):
            # Its state of now counts: the event may have waited behind others.
            self._on_state(self._transport.name, run, self._transport.state)
            return
        try:
            self._on_event(event)
        except Exception:
            # Not the fault of the transport, and the next event may be valid.
            log.exception("an event of transport %s could not be handled", self._transport.name)


async def _attempt(call: Coroutine[Any, Any, None], *, within: float) -> str | None:
    """Why `call` failed, or None."""
    try:
        async with asyncio.timeout(within):
            await call
    except TimeoutError as error:
        return str(error) or f"no answer within {within:g} s"
    except asyncio.CancelledError:
        if being_cancelled():
            raise
        return "it was cancelled"
    except Exception as error:
        log.debug("it failed", exc_info=True)
        return _reason(error)
    return None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


__all__ = ["STOP_TIMEOUT", "YIELD_EVERY", "TransportSupervisor"]
