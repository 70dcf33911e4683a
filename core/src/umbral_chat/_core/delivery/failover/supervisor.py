"""A keeper: brings one transport to where the machine wants it, whatever the transport does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from umbral_chat._core.runtime.tasks import Tasks, being_cancelled
from umbral_chat.providers.transport import StateChanged, Transport, TransportEvent, TransportState

log = logging.getLogger(__name__)

STOP_TIMEOUT = 5.0
"""Seconds that a transport gets to let go; what it still holds then is its own fault, and the service goes on."""

BREATH = 100
"""Events taken in a row at most before others get their turn."""


class Keeper:
    """Of what was wanted while it was busy only the newest is carried out, so a thousand wishes cost one.

    `told` gets the transport's state, `broke` the reason when it can do no more, each with the number of the run;
    `receive` gets every other event.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        start_timeout: float,
        told: Callable[[str, int, TransportState], None],
        broke: Callable[[str, int, str], None],
        receive: Callable[[TransportEvent], None],
    ) -> None:
        self._transport = transport
        self._start_timeout = start_timeout
        self._told = told
        self._broke = broke
        self._receive = receive
        self._wanted: int | None = None
        self._run: int | None = None
        self._held = False
        """From the moment it is started until a stop has come to its end."""
        self._changed = asyncio.Event()
        self._tasks = Tasks("transport")

    def want(self, run: int | None) -> None:
        """Let it be in its `run`-th run, or stopped."""
        self._wanted = run
        self._changed.set()

    async def keep(self) -> None:
        """Do what is wanted until cancelled, then stop it."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._run != self._wanted:
                    if self._run is not None:
                        await self._stop()
                    else:
                        await self._start(self._wanted)
        finally:
            if self._held:
                # Also when this was cancelled in the middle of a stop: what was begun then is done again, whole.
                await self._stop()

    async def _start(self, run: int | None) -> None:
        if run is None:
            return
        self._run, self._held = run, True
        failure = await _attempt(self._transport.start(), within=self._start_timeout)
        if failure is not None:
            log.warning("transport %s did not start: %s", self._transport.name, failure)
            self._broke(self._transport.name, run, failure)
            return
        self._tasks.start(self._listen(run), name=self._transport.name)

    async def _stop(self) -> None:
        self._run = None
        failure = await _attempt(self._transport.stop(), within=STOP_TIMEOUT)
        if failure is not None:
            log.warning("transport %s did not stop: %s", self._transport.name, failure)
        await self._tasks.close()
        self._held = False

    async def _listen(self, run: int) -> None:
        name, reason = self._transport.name, "its events ended"
        try:
            self._told(name, run, self._transport.state)
            taken = 0
            async for event in self._transport.events():
                self._take(run, event)
                taken += 1
                if taken % BREATH == 0:
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            reason = "its events were cancelled"
        except Exception as error:
            log.exception("transport %s failed", name)
            reason = _said(error)
        if self._run == run:
            self._broke(name, run, reason)

    def _take(self, run: int, event: TransportEvent) -> None:
        if isinstance(event, StateChanged):
            # What it says of itself now counts: the event may have waited behind others.
            self._told(self._transport.name, run, self._transport.state)
            return
        try:
            self._receive(event)
        except Exception:
            # Not the transport's fault, and the next event may be one that is understood.
            log.exception("an event of transport %s could not be taken", self._transport.name)


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
        return _said(error)
    return None


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


__all__ = ["BREATH", "STOP_TIMEOUT", "Keeper"]
