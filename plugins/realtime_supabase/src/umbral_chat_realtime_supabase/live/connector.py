"""Bringing a link up, and finding out whether it really works: nothing counts as live before a probe came round."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.live.phoenix_protocol import Heard
from umbral_chat_realtime_supabase.live.disconnection import Lost
from umbral_chat_realtime_supabase.live.session import Session
from umbral_chat_realtime_supabase.live.traffic import Traffic
from umbral_chat_realtime_supabase.metrics import REALTIME_PROBE
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.topics import INSTANCE, SERVICE

LINK_TIMEOUT = 20.0
"""Seconds in which a link must be up: handshake, joins and a probe, each of which has a bound of its own."""

PROBE_TIMEOUT = 4.0
"""Seconds in which a probe must come round. It takes some milliseconds; Realtime's own percentiles are below 0.3 s."""

ASKS = 3
"""Times that the database is asked for a probe: Realtime makes the day's partition when it connects to the database,
which the first client's join causes and does not wait for."""


_PERHAPS = (
    "the plan's messages a second may be used up (umbral_chat.supabase.realtime.messages counts this instance's), or "
    "Realtime's replication is away"
)


class _Probe(msgspec.Struct, frozen=True):
    nonce: str


class LinkUp:
    """Makes sessions that work. `shards` is known after the first one."""

    def __init__(
        self,
        settings: Supabase,
        key: Secret,
        calls: Calls,
        clock: Clock,
        telemetry: Telemetry,
        *,
        instance: str,
        heard: Callable[[Heard], None],
    ) -> None:
        self._settings, self._key, self._calls, self._clock = settings, key, calls, clock
        self._traffic = Traffic(telemetry)
        self._took = telemetry.histogram(REALTIME_PROBE)
        self._topic = INSTANCE + instance
        self._heard = heard
        self._expected: dict[str, asyncio.Event] = {}
        self.shards = 0
        """Service topics that conversations are spread over, as the database says."""
        self.heard_at = clock.monotonic()
        """When a broadcast of the database was last heard, in monotonic seconds."""

    async def link(self) -> Session | Lost:
        """A session that is joined and through which a probe has come; or why there is none."""
        try:
            self.shards = (await self._calls.call(rpc_results.State, "state")).shards
        except HistoryUnavailable as error:
            return Lost("unreachable", f"the database does not answer: {error}")
        session = Session(
            self._settings.base,
            self._key,
            [self._topic, *(f"{SERVICE}{shard}" for shard in range(self.shards))],
            heartbeat=self._settings.heartbeat,
            connect_timeout=self._settings.connect_timeout,
            clock=self._clock,
            traffic=self._traffic,
            heard=self._hear,
        )
        session.start()
        lost: Lost | None = Lost("silent", f"the link was not up within {LINK_TIMEOUT:g} s")
        try:
            async with asyncio.timeout(LINK_TIMEOUT):
                lost = await session.until_ready() or await self.probe(session)
        except TimeoutError:
            pass
        except HistoryUnavailable as error:
            lost = Lost("unreachable", f"the database does not answer: {error}")
        finally:
            if lost is not None:
                await session.close()
        return session if lost is None else lost

    async def probe(self, session: Session) -> Lost | None:
        """Let the database say something to this instance, and wait for it; why it did not come, else None.

        Where the socket answers meanwhile, the broadcast alone is lost. So it is when the plan's messages a second are
        used up, which Realtime says to nobody, and when its replication is away.

        Raises HistoryUnavailable when the database cannot be asked: that says nothing of the link.
        """
        nonce = secrets.token_hex(8)
        came = self._expected[nonce] = asyncio.Event()
        begun = self._clock.monotonic()
        try:
            session.beat()
            refused = await self._asked(nonce)
            if refused is not None:
                return refused
            async with asyncio.timeout(PROBE_TIMEOUT):
                await came.wait()
            self._took.record(self._clock.monotonic() - begun)
        except TimeoutError:
            words = f"what the database broadcasts does not arrive (a probe, within {PROBE_TIMEOUT:g} s)"
            if not session.answered_since(begun):
                return Lost("silent", words)
            self._traffic.missed()
            return Lost("unheard", f"{words}, and the socket is well: {_PERHAPS}")
        finally:
            del self._expected[nonce]
        return None

    async def _asked(self, nonce: str) -> Lost | None:
        why: str | None = None
        for ask in range(ASKS):
            if ask:
                await self._clock.sleep(0.5)
            probed = await self._calls.call(rpc_results.Probed, "probe", topic=self._topic, nonce=nonce)
            if probed.told:
                return None
            why = probed.why
            if why == "off":
                return Lost("refused", "realtime is switched off in the database")
        return Lost("closed", f"the database could not broadcast a probe ({why})")

    def _hear(self, heard: Heard) -> None:
        if heard.event in {"probe", "entry"}:
            self.heard_at = self._clock.monotonic()
        if heard.topic != self._topic:
            self._heard(heard)
        elif heard.event == "probe":
            try:
                nonce = msgspec.json.decode(heard.payload, type=_Probe).nonce
            except msgspec.DecodeError:
                return
            if (came := self._expected.get(nonce)) is not None:
                came.set()


__all__ = ["ASKS", "LINK_TIMEOUT", "PROBE_TIMEOUT", "LinkUp"]
