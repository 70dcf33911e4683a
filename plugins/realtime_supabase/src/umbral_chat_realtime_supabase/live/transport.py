"""The transport over Supabase Realtime: a link that is kept up, and what is heard on it as hints."""

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
from umbral_chat.providers.history import Storage
from umbral_chat.providers.transport import EntryHint, StateChanged, StateName, TransportState
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit import EventQueue, WatchList

from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.live.hints import SIGNALS, hints, signals_payload
from umbral_chat_realtime_supabase.live.connection_monitor import Keeping
from umbral_chat_realtime_supabase.live.phoenix_protocol import Heard
from umbral_chat_realtime_supabase.live.connector import LinkUp
from umbral_chat_realtime_supabase.live.disconnection import Lost
from umbral_chat_realtime_supabase.live.outbox import Outbox
from umbral_chat_realtime_supabase.live.reconnect_delay import Pauses
from umbral_chat_realtime_supabase.live.session import Session
from umbral_chat_realtime_supabase.metrics import REALTIME_GARBLED, REALTIME_LOST, REALTIME_METRICS
from umbral_chat_realtime_supabase.membership_events import MemberNews, changes_members
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.topics import service_topic

if TYPE_CHECKING:
    from umbral_chat_realtime_supabase.direct.member_signals import MemberSignals

HEADS_AT_ONCE = 5_000
"""Conversations asked for in one call."""

COALESCE = 0.02
"""Seconds in which those who come at once are gathered, and seconds between two looks at the outbox."""

AGAIN = 1.0
"""Seconds until heads that could not be read are asked for again."""

_log = logging.getLogger(__name__)


class SupabaseTransport:
    """A Transport of rank 100, above whatever reads the store.

    Entries are heard whole on a few service topics, so that one that comes in order costs no read, and no
    conversation costs a channel. Live means: every topic is joined, a probe of the database came round, and the heads
    of all that is watched were read after that.
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
        news: MemberNews | None = None,
    ) -> None:
        telemetry.declare(*REALTIME_METRICS)
        self._history, self._clock, self._queue = storage.history, clock, queue
        self._members, self._news = members, news or MemberNews()
        self._instance = secrets.token_hex(6)
        self._linkup = LinkUp(settings, key, calls, clock, telemetry, instance=self._instance, heard=self._hear)
        self._keeping = Keeping(self._linkup, clock, probe_interval=settings.probe_interval)
        self._watched = WatchList()
        self._mailbox = EventQueue(queue)
        self._outbox = Outbox(min(queue, 1_000), settings.signals_per_second, clock.monotonic())
        self._pauses = Pauses()
        self._lost, self._garbled = telemetry.counter(REALTIME_LOST), telemetry.counter(REALTIME_GARBLED)
        self._state = TransportState("off", "not started", clock.now())
        self._fresh, self._filled = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> TransportState:
        """What it says of itself now."""
        return self._state

    async def start(self) -> None:
        """Begin to connect."""
        if self._tasks:
            return
        if self._mailbox.closed:
            self._mailbox = EventQueue(self._queue)
        self._pauses.reset()
        self._become("connecting", "starting")
        self._tasks = [
            asyncio.create_task(self._run(), name="supabase: link"),
            asyncio.create_task(self._glance(), name="supabase: heads"),
            asyncio.create_task(self._publish(), name="supabase: signals"),
        ]
        if self._members is not None:
            self._tasks.append(asyncio.create_task(self._members.run(), name="supabase: members' signals"))
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End the tasks, the socket and the events."""
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        self._become("off", "stopped")
        self._mailbox.close()
        self._outbox.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def publish(self, signal: Signal) -> None:
        """Tell it on the conversation's service topic soon, with others, and its members on theirs; lost while there is
        no link."""
        if self._state.state == "live":
            if self._members is not None:
                self._members.put(signal)
            if isinstance(signal, CHANNEL_SIGNALS):
                return
            self._outbox.put(service_topic(signal.conversation, self._linkup.shards), signal)
            self._filled.set()

    def watch(self, conversation: str) -> None:
        """One follower more; with the first one its head is read."""
        if self._watched.watch(conversation):
            self._fresh.set()

    def unwatch(self, conversation: str) -> None:
        """One follower fewer."""
        if self._watched.unwatch(conversation):
            self._mailbox.drop_head(conversation)

    def events(self) -> EventQueue:
        """What was learnt, until `stop`."""
        return self._mailbox

    async def _run(self) -> None:
        while True:
            lost, was_live = await self._one_life()
            self._lost.labels(lost.kind).add()
            pause = self._pauses.after(lost)
            # The first try after it worked may well succeed; from then on it says that nothing reaches it.
            # A quota that is used up is no outage: it is waited for, longer each time. So is what may be one.
            hopeful = lost.kind in {"limited", "unheard"} or (was_live and lost.kind != "refused")
            state: StateName = "degraded" if hopeful else "down"
            # Of what is down the failover decides when it is tried again, and says so.
            self._become(state, f"{lost.reason}; tried again in {pause:.1f} s" if hopeful else lost.reason)
            _log.info("Supabase Realtime is %s: %s", state, self._state.reason)
            await self._clock.sleep(pause)

    async def _one_life(self) -> tuple[Lost, bool]:
        """From connecting to the loss, and whether it was live in between."""
        session = await self._linkup.link()
        if isinstance(session, Lost):
            return session, False
        try:
            try:
                await self._catch_up()
            except HistoryUnavailable as error:
                return Lost("unreachable", f"the heads of what is followed cannot be read: {error}"), False
            self._pauses.reset()
            self._keeping.session = session
            self._become("live", "a probe came round, and what was missed is known")
            return await self._keeping.until_lost(busy=lambda: bool(self._watched)), True
        finally:
            await self._let_go(session)

    async def _let_go(self, session: Session) -> None:
        current, self._keeping.session = self._keeping.session, None
        try:
            await session.close()
        finally:
            if current is not None and current is not session:
                await current.close()

    async def _catch_up(self) -> None:
        # From the moment of the probe on everything is heard, so what is read now leaves no gap before it.
        self._watched.forget()
        await self._tell_heads(self._watched.take_all())

    async def _tell_heads(self, conversations: Sequence[str]) -> None:
        for start in range(0, len(conversations), HEADS_AT_ONCE):
            asked = conversations[start : start + HEADS_AT_ONCE]
            told, _ = self._watched.learn(asked, await self._history.heads(asked))
            for hint in told:
                self._mailbox.put(hint)

    async def _glance(self) -> None:
        """Read the heads of what became watched while there is a link; all others are read when there is one again."""
        while True:
            await self._fresh.wait()
            await self._clock.sleep(COALESCE)
            self._fresh.clear()
            if self._state.state != "live":
                continue
            asked = self._watched.take_fresh()
            while self._state.state == "live":
                try:
                    await self._tell_heads(asked)
                    break
                except HistoryUnavailable:
                    await self._clock.sleep(AGAIN)

    async def _publish(self) -> None:
        while True:
            await self._filled.wait()
            await self._clock.sleep(COALESCE)
            session = self._keeping.session
            if session is None or not self._outbox:
                self._filled.clear()
                self._outbox.clear()
                continue
            for topic, signals in self._outbox.take(self._clock.monotonic()):
                session.say(topic, SIGNALS, signals_payload(self._instance, signals))

    def _hear(self, heard: Heard) -> None:
        try:
            for hint in hints(heard, watched=self._watched, instance=self._instance):
                if isinstance(hint, EntryHint) and changes_members(hint.entry):
                    self._news.changed(hint.conversation)
                self._mailbox.put(hint)
        except msgspec.DecodeError:
            self._garbled.labels().add()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that ends by itself has failed: so do the events, by which whoever runs this learns of it."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        _log.error("%s failed", task.get_name(), exc_info=error)
        self._become("down", f"{task.get_name()} failed: {type(error).__name__}")
        self._mailbox.close()

    def _become(self, state: StateName, reason: str) -> None:
        if (state, reason) != (self._state.state, self._state.reason):
            since = self._state.since if state == self._state.state else self._clock.now()
            self._state = TransportState(state, reason, since)
            self._mailbox.put(StateChanged(self._state))


__all__ = ["SupabaseTransport"]
