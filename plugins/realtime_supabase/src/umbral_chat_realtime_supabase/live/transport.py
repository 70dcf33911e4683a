"""The transport over Supabase Realtime: keeps a link connected, and makes hints of its broadcasts."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.signals import CHANNEL_SIGNALS, Signal
from umbral_chat.providers.history import HEADS_BATCH, Storage
from umbral_chat.providers.transport import EntryHint, StateName
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit.base import TransportBase

from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.live.connection_monitor import ConnectionMonitor
from umbral_chat_realtime_supabase.live.connector import Connector
from umbral_chat_realtime_supabase.live.disconnection import Disconnection
from umbral_chat_realtime_supabase.live.hints import SIGNALS, hints, signals_payload
from umbral_chat_realtime_supabase.live.outbox import BroadcastOutbox
from umbral_chat_realtime_supabase.live.phoenix_protocol import Broadcast
from umbral_chat_realtime_supabase.live.reconnect_delay import ReconnectDelay
from umbral_chat_realtime_supabase.live.session import Session
from umbral_chat_realtime_supabase.membership_events import MembershipEvents, changes_members
from umbral_chat_realtime_supabase.metrics import REALTIME_GARBLED, REALTIME_LOST, REALTIME_METRICS
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.topics import service_topic

if TYPE_CHECKING:
    from umbral_chat_realtime_supabase.direct.member_signals import MemberSignals

COALESCE = 0.02
"""Seconds in which newly watched conversations are gathered for one read, and between two checks of the outbox."""

HEADS_RETRY = 1.0
"""Seconds until heads that could not be read are read again."""

_log = logging.getLogger(__name__)


class SupabaseTransport(TransportBase):
    """A Transport of rank 100, above every transport that reads the store.

    Broadcasts on a few service topics contain whole entries, so that an entry that arrives in order costs no read, and
    a conversation costs no channel. It is live when every topic is joined, a probe from the database has arrived, and
    the heads of all watched conversations were read after that.
    """

    name = "supabase"
    rank = 100

    def __init__(
        self,
        storage: Storage,
        calls: Calls,
        settings: Supabase,
        key: Secret,
        clock: Clock,
        telemetry: Telemetry,
        *,
        queue: int = 10_000,
        members: MemberSignals | None = None,
        membership_events: MembershipEvents | None = None,
    ) -> None:
        super().__init__(clock, queue=queue)
        telemetry.declare(*REALTIME_METRICS)
        self._history = storage.history
        self._members, self._membership_events = members, membership_events or MembershipEvents()
        self._instance = secrets.token_hex(6)
        self._connector = Connector(
            settings, key, calls, clock, telemetry, instance=self._instance, on_broadcast=self._put_hints
        )
        self._monitor = ConnectionMonitor(self._connector, clock, probe_interval=settings.probe_interval)
        self._outbox = BroadcastOutbox(min(queue, 1_000), settings.signals_per_second, clock.monotonic())
        self._reconnect_delay = ReconnectDelay()
        self._disconnections, self._garbled = telemetry.counter(REALTIME_LOST), telemetry.counter(REALTIME_GARBLED)
        self._fresh = asyncio.Event()

    async def start(self) -> None:
        """Start to connect. Does nothing where it runs."""
        if self.running:
            return
        self._reopen()
        self._reconnect_delay.reset()
        self._set_state("connecting", "starting")
        self._tasks = [
            asyncio.create_task(self._run(), name="supabase: link"),
            asyncio.create_task(self._read_new_heads(), name="supabase: heads"),
            asyncio.create_task(self._publish(), name="supabase: signals"),
        ]
        if self._members is not None:
            self._tasks.append(asyncio.create_task(self._members.run(), name="supabase: members' signals"))
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Cancel the tasks, close the socket, drop the signals that were not broadcast, and end the events. Does
        nothing where it does not run."""
        self._outbox.clear()
        await super().stop()

    async def publish(self, signal: Signal) -> None:
        """Queue the signal to be broadcast on the conversation's service topic, and on its members' own. It is dropped
        while the link is not live."""
        if self._state.state == "live":
            if self._members is not None:
                self._members.put(signal)
            if isinstance(signal, CHANNEL_SIGNALS):
                return
            self._outbox.put(signal, service_topic(signal.conversation, self._connector.shards))

    def watch(self, conversation: str) -> None:
        """Count one follower more; with the first one the conversation's head is read."""
        if self._watched.watch(conversation):
            self._fresh.set()

    async def _run(self) -> None:
        while True:
            disconnection, was_live = await self._run_once()
            self._disconnections.labels(disconnection.kind).add()
            pause = self._reconnect_delay.after(disconnection)
            # The first attempt after it was live may well succeed; after that it is down. A quota that is used up is no
            # outage: it reconnects later each time. So it does where broadcasts are lost, which may be a quota, too.
            hopeful = disconnection.kind in {"limited", "unheard"} or (was_live and disconnection.kind != "refused")
            state: StateName = "degraded" if hopeful else "down"
            # When a transport that is down is restarted is decided, and reported, by the failover.
            self._set_state(
                state, f"{disconnection.reason}; tried again in {pause:.1f} s" if hopeful else disconnection.reason
            )
            _log.info("Supabase Realtime is %s: %s", state, self._state.reason)
            await self._clock.sleep(pause)

    async def _run_once(self) -> tuple[Disconnection, bool]:
        """Connect, and wait for the disconnection; also whether it was live in between."""
        session = await self._connector.connect()
        if isinstance(session, Disconnection):
            return session, False
        try:
            try:
                await self._catch_up()
            except HistoryUnavailable as error:
                return Disconnection("unreachable", f"the heads of what is watched cannot be read: {error}"), False
            self._reconnect_delay.reset()
            self._monitor.session = session
            self._set_state("live", "a probe arrived, and the heads of what is watched were read")
            return await self._monitor.until_disconnected(busy=lambda: bool(self._watched)), True
        finally:
            await self._close_sessions(session)

    async def _close_sessions(self, session: Session) -> None:
        current, self._monitor.session = self._monitor.session, None
        try:
            await session.close()
        finally:
            if current is not None and current is not session:
                await current.close()

    async def _catch_up(self) -> None:
        # Every broadcast since the probe is received, so heads that are read now leave no gap before it.
        self._watched.forget()
        await self._hint_heads(self._watched.take_all())

    async def _hint_heads(self, conversations: Sequence[str]) -> None:
        for start in range(0, len(conversations), HEADS_BATCH):
            asked = conversations[start : start + HEADS_BATCH]
            found, _ = self._watched.learn(asked, await self._history.heads(asked))
            for hint in found:
                self._events.put(hint)

    async def _read_new_heads(self) -> None:
        """Read the heads of what becomes watched while the link is live; without one, `_catch_up` reads them later."""
        while True:
            await self._fresh.wait()
            await self._clock.sleep(COALESCE)
            self._fresh.clear()
            if self._state.state != "live":
                continue
            asked = self._watched.take_fresh()
            while self._state.state == "live":
                try:
                    await self._hint_heads(asked)
                    break
                except HistoryUnavailable:
                    await self._clock.sleep(HEADS_RETRY)

    async def _publish(self) -> None:
        while True:
            await self._outbox.filled()
            await self._clock.sleep(COALESCE)
            session = self._monitor.session
            if session is None:
                self._outbox.clear()
                continue
            for topic, signals in self._outbox.take(self._clock.monotonic()):
                session.broadcast(topic, SIGNALS, signals_payload(self._instance, signals))

    def _put_hints(self, broadcast: Broadcast) -> None:
        try:
            for hint in hints(broadcast, watched=self._watched, instance=self._instance):
                if isinstance(hint, EntryHint) and changes_members(hint.entry):
                    self._membership_events.changed(hint.conversation)
                self._events.put(hint)
        except msgspec.DecodeError:
            self._garbled.labels().add()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """End the events when a task fails: the failover restarts a transport whose events end."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        _log.error("%s failed", task.get_name(), exc_info=error)
        self._set_state("down", f"{task.get_name()} failed: {type(error).__name__}")
        self._events.close()


__all__ = ["SupabaseTransport"]
