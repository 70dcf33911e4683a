"""Connects to Realtime, and probes whether broadcasts arrive: no link counts as live before a probe has."""

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
from umbral_chat_realtime_supabase.live.disconnection import Disconnection
from umbral_chat_realtime_supabase.live.phoenix_protocol import Broadcast
from umbral_chat_realtime_supabase.live.session import Session
from umbral_chat_realtime_supabase.live.traffic import Traffic
from umbral_chat_realtime_supabase.metrics import REALTIME_PROBE
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.topics import INSTANCE, SERVICE

CONNECT_TIMEOUT = 20.0
"""Seconds for a handshake, the joins and a probe together; each of them also has its own timeout."""

PROBE_TIMEOUT = 4.0
"""Seconds in which a probe must arrive. It takes some milliseconds; Realtime's own percentiles are below 0.3 s."""

PROBE_ATTEMPTS = 3
"""Times that the database is asked for one probe: Realtime creates the day's partition when it connects to the
database, which the first client's join causes and does not wait for."""

_POSSIBLE_CAUSES = (
    "the plan's messages a second may be used up (umbral_chat.supabase.realtime.messages counts this instance's), or "
    "Realtime's replication is down"
)


class _Probe(msgspec.Struct, frozen=True):
    nonce: str


class Connector:
    """Creates sessions that work."""

    def __init__(
        self,
        settings: Supabase,
        key: Secret,
        calls: Calls,
        clock: Clock,
        telemetry: Telemetry,
        *,
        instance: str,
        on_broadcast: Callable[[Broadcast], None],
    ) -> None:
        self._settings, self._key, self._calls, self._clock = settings, key, calls, clock
        self._traffic = Traffic(telemetry)
        self._probe_duration = telemetry.histogram(REALTIME_PROBE)
        self._topic = INSTANCE + instance
        self._on_broadcast = on_broadcast
        self._probes: dict[str, asyncio.Event] = {}
        self.shards = 0
        """The number of service topics, as the database reports it; 0 before the first connection."""
        self.last_broadcast_at = clock.monotonic()
        """When a broadcast of the database was last received, in monotonic seconds."""

    async def connect(self) -> Session | Disconnection:
        """A session that has joined its topics and received a probe; or why there is none."""
        try:
            self.shards = (await self._calls.call(rpc_results.DatabaseState, "state")).shards
        except HistoryUnavailable as error:
            return Disconnection("unreachable", f"the database does not answer: {error}")
        session = Session(
            self._settings.base,
            self._key,
            [self._topic, *(f"{SERVICE}{shard}" for shard in range(self.shards))],
            heartbeat=self._settings.heartbeat,
            connect_timeout=self._settings.connect_timeout,
            clock=self._clock,
            traffic=self._traffic,
            on_broadcast=self._receive,
        )
        session.start()
        disconnection: Disconnection | None = Disconnection(
            "silent", f"the link was not live within {CONNECT_TIMEOUT:g} s"
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                disconnection = await session.until_ready() or await self.probe(session)
        except TimeoutError:
            pass
        except HistoryUnavailable as error:
            disconnection = Disconnection("unreachable", f"the database does not answer: {error}")
        finally:
            if disconnection is not None:
                await session.close()
        return session if disconnection is None else disconnection

    async def probe(self, session: Session) -> Disconnection | None:
        """Let the database broadcast to this instance, and wait for that; why it did not arrive, else None.

        Where the socket answers meanwhile, only the broadcast is lost: Realtime drops it without a notice when the
        plan's messages a second are used up, and when its replication is down.

        Raises HistoryUnavailable when the database does not answer, which proves nothing about the link.
        """
        nonce = secrets.token_hex(8)
        arrived = self._probes[nonce] = asyncio.Event()
        begun = self._clock.monotonic()
        try:
            session.send_heartbeat()
            refused = await self._request_probe(nonce)
            if refused is not None:
                return refused
            async with asyncio.timeout(PROBE_TIMEOUT):
                await arrived.wait()
            self._probe_duration.record(self._clock.monotonic() - begun)
        except TimeoutError:
            what = f"the database's broadcasts do not arrive (a probe, within {PROBE_TIMEOUT:g} s)"
            if not session.received_since(begun):
                return Disconnection("silent", what)
            self._traffic.probe_missed()
            return Disconnection("unheard", f"{what}, and the socket works: {_POSSIBLE_CAUSES}")
        finally:
            del self._probes[nonce]
        return None

    async def _request_probe(self, nonce: str) -> Disconnection | None:
        why: str | None = None
        for attempt in range(PROBE_ATTEMPTS):
            if attempt:
                await self._clock.sleep(0.5)
            probed = await self._calls.call(rpc_results.ProbeResult, "probe", topic=self._topic, nonce=nonce)
            if probed.told:
                return None
            why = probed.why
            if why == "off":
                return Disconnection("refused", "realtime is switched off in the database")
        return Disconnection("closed", f"the database could not broadcast a probe ({why})")

    def _receive(self, broadcast: Broadcast) -> None:
        if broadcast.event in {"probe", "entry"}:
            self.last_broadcast_at = self._clock.monotonic()
        if broadcast.topic != self._topic:
            self._on_broadcast(broadcast)
        elif broadcast.event == "probe":
            try:
                nonce = msgspec.json.decode(broadcast.payload, type=_Probe).nonce
            except msgspec.DecodeError:
                return
            if (arrived := self._probes.get(nonce)) is not None:
                arrived.set()


__all__ = ["CONNECT_TIMEOUT", "PROBE_ATTEMPTS", "PROBE_TIMEOUT", "Connector"]
