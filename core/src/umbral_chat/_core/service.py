"""The running service as one object: its parts are put together, entered, run in background loops, and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from umbral_chat._core.auth.access import Access
from umbral_chat._core.auth.gate import Gate
from umbral_chat._core.auth.keys import KeyAuthenticator
from umbral_chat._core.auth.limits import Rates
from umbral_chat._core.auth.local import LocalAuthenticator
from umbral_chat._core.auth.sessions import Sessions
from umbral_chat._core.auth.tokens import TokenAuthenticator, TokenIssuer, load_secrets
from umbral_chat._core.consumers import Consumers
from umbral_chat._core.conversations.appending import Appender
from umbral_chat._core.conversations.draft_keeper import DraftKeeper
from umbral_chat._core.conversations.drafts import Drafts
from umbral_chat._core.conversations.receipt_board import ReceiptBoard
from umbral_chat._core.conversations.receipt_service import Receipts
from umbral_chat._core.conversations.run_board import RunBoard
from umbral_chat._core.conversations.run_entries import RunEntries
from umbral_chat._core.conversations.run_records import RunRecords
from umbral_chat._core.conversations.run_service import Runs
from umbral_chat._core.conversations.run_typing import RunTyping
from umbral_chat._core.conversations.run_watch import RunWatch
from umbral_chat._core.conversations.service import Chat
from umbral_chat._core.conversations.shared_runs import SharedRuns
from umbral_chat._core.delivery.bus import Bus
from umbral_chat._core.delivery.failover import Failover
from umbral_chat._core.delivery.inbound import InboundRouter
from umbral_chat._core.delivery.reconcile import reconcile
from umbral_chat._core.delivery.subscriptions import Subscriptions
from umbral_chat._core.delivery.toggle import Toggle
from umbral_chat._core.feed import Feeds, HistoryHealth
from umbral_chat._core.history.monitored import MonitoredHistory
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins import PluginHost
from umbral_chat._core.runtime.descriptors import descriptors, most_connections
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat._core.settings.effective import Settings
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import Clock
from umbral_chat.context import Base
from umbral_chat.providers.auth import Authenticator
from umbral_chat.providers.history import Storage
from umbral_chat.providers.presence import Presence, PresenceLink, Viewer
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit.signal_outbox import SignalOutbox

INTEREST_INTERVAL = 4.0
"""Seconds between two questions to presence on behalf of readers that wait. A conversation that was not asked about for
twice the shortest time to live (5 s) is no longer followed there, and a long poll waits for longer."""

YIELD_EVERY = 100
"""Conversations asked about before other tasks run."""


class RunningAccess(NamedTuple):
    """What exists only while the service runs: its secrets are read from the store."""

    gate: Gate
    issuer: TokenIssuer


class Service:
    """A service from its settings and plugins. Making one does no I/O; `async with service.run()` starts and stops it.

    Raises PluginError and SettingsError.
    """

    def __init__(self, settings: Settings, plugins: PluginHost, clock: Clock) -> None:
        telemetry = Telemetry.create(settings.telemetry)
        base = Base(settings=settings, telemetry=telemetry, clock=clock)
        storage, health = _storage(base, plugins)
        history, limits = storage.history, settings.core.limits
        lifecycle, signals = Lifecycle(clock), SignalOutbox()
        self.subscriptions = Subscriptions()
        self.bus = Bus()
        feeds = Feeds(
            history,
            health=health,
            subscriptions=self.subscriptions,
            lifecycle=lifecycle,
            telemetry=telemetry,
            clock=clock,
            readers_limit=min(limits.readers, most_connections(limits, descriptors())[1]),
            own_readers_limit=limits.readers_per_principal,
            cache=settings.core.cache,
        )
        toggle = Toggle(storage.store, clock, configured=settings.realtime.enabled)
        drafts = Drafts(
            clock,
            per_conversation=limits.drafts,
            per_principal=limits.drafts_per_principal,
            total=settings.core.drafts.most,
            total_chars=settings.core.drafts.most_chars,
            silence=settings.core.drafts.silence,
            changed=feeds.touch_signals,
            publish=signals.put,
        )
        telemetry.gauge("umbral_chat.drafts", lambda: [((), len(drafts))])
        interrupted = telemetry.counter("umbral_chat.drafts.interrupted").labels()
        appender = Appender(history, self.bus, telemetry)
        run_records = RunRecords(storage.store, clock)
        keeper = DraftKeeper(
            drafts,
            storage.store,
            history,
            clock,
            limit=limits.content_chars,
            append=appender.append,
            reserved_by=run_records.reserved_by,
            followed=lambda: self.subscriptions,
            counted=lambda: interrupted.add(1),
        )
        transports = plugins.transports(base, storage)
        presence = plugins.presence(base, storage, settings.core.presence)
        self.run_board = RunBoard(clock, changed=feeds.touch_signals, reserved=keeper.doubt)
        telemetry.gauge("umbral_chat.runs", lambda: [((), len(self.run_board))])
        receipt_board = ReceiptBoard(clock, changed=feeds.touch_signals, publish=signals.put)
        self.receipts = receipts = Receipts(history, storage.store, receipt_board, clock)

        def newly_followed(conversation: str) -> None:
            keeper.reconciler.follow(conversation)
            receipts.follow(conversation)

        self.subscriptions.on_watch = newly_followed
        inbound = InboundRouter(feeds, toggle, drafts, self.run_board, receipt_board, presence)
        failover = Failover(
            transports,
            settings=settings.realtime,
            clock=clock,
            telemetry=telemetry,
            signals=signals,
            receive=inbound.receive,
            changed=inbound.delivery_changed,
        )
        if presence is not None:
            presence.attach(PresenceLink(signals.put, feeds.touch_signals, lambda: failover.mode, feeds.known_epoch))
        self.subscriptions.serve(transports)
        feeds.on_read = inbound.entries_read
        toggle.on_change(failover.toggled)
        self.bus.subscribe(inbound.written_here)
        self.bus.subscribe(failover.announce)
        rates = Rates(limits, clock)
        run_typing = RunTyping(presence)
        shared_runs = SharedRuns(
            run_records,
            RunEntries(history, appender),
            board=self.run_board,
            typing=run_typing,
            publish=signals.put,
        )
        runs = Runs(
            shared_runs,
            history,
            typing=run_typing,
            alive=drafts.touch,
            reserve=keeper.check_reservable,
            limits=limits,
            telemetry=telemetry,
            clock=clock,
        )
        self.run_watch = RunWatch(shared_runs, silence=settings.runs.silence, telemetry=telemetry, clock=clock)
        chat = Chat(
            history,
            bus=self.bus,
            appender=appender,
            drafts=keeper,
            runs=runs,
            receipts=receipts,
            rates=rates,
            limits=limits,
            clock=clock,
        )
        self.consumers = Consumers(storage, base, self.bus, lifecycle, settings.core.consumers)
        self.parts = ServiceParts(
            base=base,
            plugins=plugins,
            storage=storage,
            feeds=feeds,
            drafts=drafts,
            runs=runs,
            receipts=receipts,
            draft_keeper=keeper,
            failover=failover,
            toggle=toggle,
            chat=chat,
            lifecycle=lifecycle,
            presence=presence,
            access=Access(rates),
            rates=rates,
            consumers=self.consumers,
        )

    @asynccontextmanager
    async def run(self) -> AsyncIterator[RunningAccess]:
        """Open the storage and start the loops; drain and stop on leaving.

        Raises PluginError, SettingsError and StoreError when it cannot start.
        """
        parts, core = self.parts, self.parts.base.settings.core
        telemetry, clock = parts.base.telemetry, parts.base.clock
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, telemetry.shutdown)
            await stack.enter_async_context(parts.storage.lifespan)
            if parts.presence is not None:
                await stack.enter_async_context(parts.presence.lifespan)
            issuer = TokenIssuer(await load_secrets(core.token_secrets, parts.storage.store), clock)
            await parts.toggle.load()
            keys = KeyAuthenticator(core.keys)
            gate = Gate(
                [keys, *self._authenticators(issuer)],
                local=None if core.keys else LocalAuthenticator(),
                requests=parts.rates.requests,
                sessions=Sessions(
                    keys.keys,
                    parts.storage.store,
                    clock,
                    check_interval=parts.base.settings.realtime.reconcile_interval,
                ),
                clock=clock,
                depth=core.limits.depth,
            )
            parts.access.gate = gate
            tasks = Tasks("service")
            stack.push_async_callback(parts.feeds.close)
            stack.push_async_callback(parts.draft_keeper.reconciler.close)
            stack.push_async_callback(tasks.close)
            self.start_loops(tasks)
            await self.consumers.started()
            loop = asyncio.get_running_loop()
            telemetry.gauge("umbral_chat.tasks", lambda: [((), len(asyncio.all_tasks(loop)))])
            stack.callback(parts.lifecycle.drain)
            yield RunningAccess(gate, issuer)

    def start_loops(self, tasks: Tasks) -> None:
        """Start every background loop; `tasks` owns them."""
        parts, settings = self.parts, self.parts.base.settings
        tasks.start(parts.feeds.run(), name="feeds")
        tasks.start(parts.failover.run(enabled=parts.toggle.state.enabled), name="failover")
        tasks.start(parts.draft_keeper.reconciler.run(), name="drafts")
        tasks.start(self.run_board.run(), name="runs: sweep")
        tasks.start(self.receipts.run(), name="receipts")
        # No signal of a run that is lost delays it for longer than a lost hint delays an entry.
        tasks.start(self.run_watch.run(settings.realtime.reconcile_interval), name="runs")
        if parts.presence is not None:
            tasks.start(self._follow_presence(parts.presence), name="presence")
        tasks.start(
            reconcile(
                parts.storage.history,
                parts.feeds,
                self.subscriptions,
                parts.failover,
                parts.base.clock,
                interval=settings.realtime.reconcile_interval,
            ),
            name="reconcile",
        )
        tasks.start(self.consumers.run(parts.plugins.consumers(parts)), name="consumers")

    def _authenticators(self, issuer: TokenIssuer) -> Sequence[Authenticator]:
        base = self.parts.base
        return [TokenAuthenticator(issuer, base.clock), *self.parts.plugins.authenticators(base, self.parts.storage)]

    async def _follow_presence(self, presence: Presence) -> None:
        while True:
            await self.parts.base.clock.sleep(INTEREST_INTERVAL)
            for number, conversation in enumerate(self.parts.feeds.waited_on, start=1):
                presence.state(conversation, Viewer())
                if number % YIELD_EVERY == 0:
                    await asyncio.sleep(0)


def _storage(base: Base, plugins: PluginHost) -> tuple[Storage, HistoryHealth]:
    found = plugins.select_storage(base, base.settings.core.history)
    if found is None:
        duration = base.telemetry.histogram("umbral_chat.append.duration")
        group = base.telemetry.histogram("umbral_chat.append.group")

        def on_commit(appends: int, seconds: float) -> None:
            duration.record(seconds)
            group.record(appends)

        found = open_storage(base.settings.core.database, clock=base.clock, on_commit=on_commit)
    health = HistoryHealth(base.clock)
    monitored = MonitoredHistory(found.history, health)
    return Storage(found.name, monitored, found.store, found.lifespan), health


__all__ = ["RunningAccess", "Service"]
