"""Building a service: from settings and plugins to the parts that a running one has."""

from __future__ import annotations

from collections.abc import Sequence

from umbral_chat._core.auth.limits import Rates
from umbral_chat._core.conversations.drafts import Drafts
from umbral_chat._core.conversations.reserved_ids import Reserved
from umbral_chat._core.conversations.service import Chat
from umbral_chat._core.delivery.bus import Bus, Happened
from umbral_chat._core.delivery.failover import Choice, Failover
from umbral_chat._core.delivery.subscriptions import Subscriptions
from umbral_chat._core.delivery.toggle import Toggle
from umbral_chat._core.feed import Feeds, HistoryHealth
from umbral_chat._core.history.monitored import MonitoredHistory
from umbral_chat._core.plugins import PluginHost
from umbral_chat._core.runtime.descriptors import descriptors, most_connections
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.settings.effective import Settings
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import Clock
from umbral_chat.context import Base, Services
from umbral_chat.model.conversations import Deleted
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, RosterSignal
from umbral_chat.providers.history import Storage
from umbral_chat.providers.presence import Person, Presence, PresenceLink
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint, ToggleHint, TransportEvent
from umbral_chat.telemetry import Telemetry


def build(settings: Settings, plugins: PluginHost, clock: Clock) -> tuple[Services, Subscriptions, Bus]:
    """Every part of a service, put together and not yet entered: no I/O happens here.

    Raises PluginError and SettingsError.
    """
    telemetry = Telemetry.create(settings.telemetry)
    base = Base(settings=settings, telemetry=telemetry, clock=clock)
    storage, health = _storage(base, plugins)
    history, limits = storage.history, settings.core.limits
    lifecycle, subscriptions, bus = Lifecycle(clock), Subscriptions(), Bus()
    feeds = Feeds(
        history,
        health=health,
        subscriptions=subscriptions,
        lifecycle=lifecycle,
        telemetry=telemetry,
        clock=clock,
        readers_limit=min(limits.readers, most_connections(limits, descriptors())[1]),
        own_readers_limit=limits.readers_per_principal,
    )
    toggle = Toggle(storage.store, clock, configured=settings.realtime.enabled)
    receiver = _Receiver(feeds, toggle)
    transports = plugins.transports(base, storage)
    failover = Failover(
        transports,
        settings=settings.realtime,
        clock=clock,
        telemetry=telemetry,
        receive=receiver.receive,
        changed=receiver.changed,
    )
    subscriptions.serve(transports)
    drafts = Drafts(
        clock,
        per_conversation=limits.drafts,
        per_principal=limits.drafts_per_principal,
        changed=feeds.touch_signals,
        publish=failover.publish,
    )
    receiver.drafts = drafts
    feeds.on_read = receiver.read
    telemetry.gauge("umbral_chat.drafts", lambda: [((), len(drafts))])
    toggle.on_change(failover.toggled)
    bus.subscribe(receiver.happened)
    bus.subscribe(failover.announce)
    rates = Rates(limits, clock)
    chat = Chat(
        history,
        bus=bus,
        drafts=drafts,
        reserved=Reserved(storage.store, clock),
        rates=rates,
        limits=limits,
        telemetry=telemetry,
        clock=clock,
    )
    presence = plugins.presence(base, storage, settings.core.presence)
    if presence is not None:
        presence.attach(PresenceLink(failover.publish, feeds.touch_signals, lambda: failover.mode, feeds.known_epoch))
        receiver.presence = presence
    services = Services(
        base=base,
        plugins=plugins,
        storage=storage,
        feeds=feeds,
        drafts=drafts,
        failover=failover,
        toggle=toggle,
        chat=chat,
        lifecycle=lifecycle,
        presence=presence,
        rates=rates,
    )
    return services, subscriptions, bus


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


class _Receiver:
    """Passes on what happened here and what transports bring."""

    def __init__(self, feeds: Feeds, toggle: Toggle) -> None:
        self._feeds = feeds
        self._toggle = toggle
        self.drafts: Drafts | None = None
        self.presence: Presence | None = None

    def happened(self, happened: Happened) -> None:
        if happened.deleted:
            self._gone(happened.conversation)
            return
        self._feeds.hint_entries(happened.conversation, happened.epoch, happened.lines)
        self._came(happened.conversation, happened.lines, old=0, author=happened.author)

    def receive(self, event: TransportEvent) -> None:
        match event:
            case EntryHint():
                line = EncodedEntry.of(event.entry)
                news = self._feeds.hint_entries(event.conversation, event.epoch, [line])
                self._came(event.conversation, [line], old=0 if news else line.seq)
            case HeadHint(head=Deleted()):
                self._gone(event.conversation)
            case HeadHint():
                self._feeds.hint_head(event.conversation, event.head)
            case SignalHint(signal=DraftSignal() as draft) if self.drafts is not None:
                self.drafts.learn(draft)
            case SignalHint(signal=RosterSignal() as roster):
                if self.presence is not None:
                    self.presence.learn(roster)
            case SignalHint():
                self._feeds.touch_signals(event.signal.conversation)
            case ToggleHint():
                self._toggle.learn(event.record)
            case _:
                pass

    def changed(self, _choice: Choice) -> None:
        self._feeds.touch_all_signals()

    def read(self, conversation: str, lines: Sequence[EncodedEntry], known: int | None) -> None:
        last = lines[-1].seq if lines else 0
        self._came(conversation, lines, old=last if known is None else known)

    def _gone(self, conversation: str) -> None:
        self._feeds.hint_head(conversation, Deleted())
        if self.presence is not None:
            self.presence.forget(conversation)

    def _came(self, conversation: str, lines: Sequence[EncodedEntry], *, old: int, author: str | None = None) -> None:
        """These entries are in the log: a reader who gets one must not be told beside it that it is being written. Up
        to the seq `old` they were there before, and end only what was typed before that."""
        if self.presence is not None:
            for line in lines:
                if line.says:
                    sender = line.sender if author is None else _known(author, line.sender)
                    self.presence.wrote(conversation, sender, line.at if line.seq <= old else None)
        if self.drafts:
            for line in lines:
                if line.ends_draft and line.message_id is not None:
                    self.drafts.end(conversation, line.message_id)


def _known(author: str, sender: Sender) -> Sender:
    """The sender of what `author` wrote here, as it is known in presence: itself, or whom it spoke for."""
    kind, _, subject = author.partition(":")
    if kind == "user" and sender.id == subject:
        return Person(sender.role, sender.id, sender.name, kind="user")
    if kind == "local" and sender == Sender(role="user", id="local"):
        return Person(sender.role, sender.id, kind="local")
    # Whom a key without `send_as` speaks for is itself.
    if kind == "key" and sender == Sender(role="user", id=subject):
        return Person(sender.role, sender.id, kind="key")
    return Person(sender.role, sender.id, sender.name)


__all__ = ["build"]
