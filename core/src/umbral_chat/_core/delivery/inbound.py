"""Inbound events: what an entry, a hint or a signal that arrives here means to the parts of the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from umbral_chat._core.delivery.bus import LogChange
from umbral_chat.model.conversations import Deleted
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, ReadSignal, RosterSignal, RunSignal, Signal
from umbral_chat.providers.presence import Person, Presence
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint, ToggleHint, TransportEvent

if TYPE_CHECKING:
    from umbral_chat._core.delivery.failover import Choice
    from umbral_chat._core.delivery.toggle import Toggle
    from umbral_chat._core.feed import Feeds


class DraftBoard(Protocol):
    """The drafts, of which those end whose message was written."""

    def __bool__(self) -> bool:
        """Whether there is any."""
        ...

    def learn(self, signal: DraftSignal) -> None:
        """Another instance reports how far a draft is."""
        ...

    def end(self, conversation: str, message_id: str) -> None:
        """The message is written, or withdrawn."""
        ...

    def forget(self, conversation: str) -> None:
        """The conversation was deleted."""
        ...


class RunList(Protocol):
    """The runs that this instance knows of."""

    def learn(self, signal: RunSignal) -> None:
        """Another instance reports the runs of a conversation."""
        ...

    def ended(self, conversation: str, run_id: str, at: datetime | None) -> None:
        """The log has the end of this run."""
        ...

    def forget(self, conversation: str) -> None:
        """The conversation is deleted."""
        ...


class ReceiptList(Protocol):
    """How far readers have read, as far as this instance knows."""

    def learn(self, signal: ReadSignal) -> None:
        """Another instance reports that a marker moved."""
        ...

    def forget(self, conversation: str) -> None:
        """The conversation is deleted."""
        ...


class InboundRouter:
    """Routes each event to the feeds, the drafts, the runs, the receipts, presence and the toggle. Synchronous: it
    neither waits nor raises.

    There are three sources: writes of this process (the bus), transports, and reads of the log that bring entries which
    no hint announced.
    """

    def __init__(
        self,
        feeds: Feeds,
        toggle: Toggle,
        drafts: DraftBoard,
        runs: RunList,
        receipts: ReceiptList,
        presence: Presence | None,
    ) -> None:
        self._feeds = feeds
        self._toggle = toggle
        self._drafts = drafts
        self._runs = runs
        self._receipts = receipts
        self._presence = presence

    def written_here(self, change: LogChange) -> None:
        """Entries were appended by this process, or the conversation was deleted by it."""
        if change.deleted:
            self._conversation_deleted(change.conversation)
            return
        self._feeds.hint_entries(change.conversation, change.epoch, change.entries)
        self._entries_appended(change.conversation, change.entries, old=0, author=change.author)

    def receive(self, event: TransportEvent) -> None:
        """A transport reports an event other than its own state."""
        match event:
            case EntryHint():
                entry = EncodedEntry.of(event.entry)
                news = self._feeds.hint_entries(event.conversation, event.epoch, [entry])
                self._entries_appended(event.conversation, [entry], old=0 if news else entry.seq)
            case HeadHint(head=Deleted()):
                self._conversation_deleted(event.conversation)
            case HeadHint():
                self._feeds.hint_head(event.conversation, event.head)
            case SignalHint():
                self._signalled(event.signal)
            case ToggleHint():
                self._toggle.learn(event.record)
            case _:
                pass

    def _signalled(self, signal: Signal) -> None:
        match signal:
            case DraftSignal():
                self._drafts.learn(signal)
            case RunSignal():
                self._runs.learn(signal)
            case ReadSignal():
                self._receipts.learn(signal)
            case RosterSignal():
                if self._presence is not None:
                    self._presence.learn(signal)
            case _:
                self._feeds.touch_signals(signal.conversation)

    def delivery_changed(self, _choice: Choice) -> None:
        """Another transport is used from now on, of which every reader is informed."""
        self._feeds.touch_all_signals()

    def entries_read(self, conversation: str, entries: Sequence[EncodedEntry], known: int | None) -> None:
        """A read of the log brought these; up to the seq `known` (None: all of them) they were there before."""
        last = entries[-1].seq if entries else 0
        self._entries_appended(conversation, entries, old=last if known is None else known)

    def _conversation_deleted(self, conversation: str) -> None:
        self._feeds.hint_head(conversation, Deleted())
        self._drafts.forget(conversation)
        self._runs.forget(conversation)
        self._receipts.forget(conversation)
        if self._presence is not None:
            self._presence.forget(conversation)

    def _entries_appended(
        self, conversation: str, entries: Sequence[EncodedEntry], *, old: int, author: str | None = None
    ) -> None:
        """End the typing, the drafts and the runs of what these entries say: no reader gets an entry and, beside it,
        that it is being written. Up to the seq `old` they were there before, and end only what was typed before
        that."""
        if self._presence is not None:
            for entry in entries:
                if entry.ends_typing:
                    sender = entry.sender if author is None else _as_person(author, entry.sender)
                    self._presence.wrote(conversation, sender, entry.at if entry.seq <= old else None)
        if self._drafts:
            for entry in entries:
                if entry.ends_draft and entry.message_id is not None:
                    self._drafts.end(conversation, entry.message_id)
        for entry in entries:
            if entry.ends_run:
                self._runs.ended(conversation, entry.run_id, entry.at)


def _as_person(author: str, sender: Sender) -> Sender:
    """The sender of what `author` wrote here as presence identifies it: itself, or the person it spoke for."""
    kind, _, subject = author.partition(":")
    if kind == "user" and sender.id == subject:
        return Person(sender.role, sender.id, sender.name, kind="user")
    if kind == "local" and sender == Sender(role="user", id="local"):
        return Person(sender.role, sender.id, kind="local")
    # A key without `send_as` speaks for itself alone.
    if kind == "key" and sender == Sender(role="user", id=subject):
        return Person(sender.role, sender.id, kind="key")
    return Person(sender.role, sender.id, sender.name)


__all__ = ["InboundRouter"]
