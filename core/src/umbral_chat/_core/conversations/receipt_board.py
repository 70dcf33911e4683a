"""The read receipts that this instance knows of, for readers that do not wait. It only calls the clock, `changed` and
`publish`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from umbral_chat._core.runtime.lru import Lru
from umbral_chat.clock import Clock
from umbral_chat.model.receipts import Receipt
from umbral_chat.model.signals import ReadSignal

READERS_SHOWN = 50
"""Readers of one conversation whose receipts are shown: more are no answer to whether somebody has read a message."""

CAPACITY = 4_096
"""Conversations whose receipts are known at once, at some 10 kB each at most."""

INTERVAL = 1.0
"""Seconds between two signals of one reader: a page that scrolls moves its marker several times a second."""

MOVING = 10_000
"""Readers whose markers move within one interval and are signalled. A signal of more is left out: a read of the store
makes up for it."""

_Reader = tuple[str, str]
"""Role and subject: what distinguishes readers for those who see them."""


class _Known(NamedTuple):
    receipt: Receipt
    learned: float
    """Monotonic time."""


class ReceiptBoard:
    """Receipts by conversation. A marker never moves back, so of two reports of a reader the higher one applies."""

    def __init__(self, clock: Clock, *, changed: Callable[[str], None], publish: Callable[[ReadSignal], None]) -> None:
        """`changed` is called with a conversation whose receipts changed, `publish` with the signals for other
        instances."""
        self._clock = clock
        self._changed = changed
        self._publish = publish
        self._known: Lru[str, dict[_Reader, _Known]] = Lru(CAPACITY)
        self._next: dict[tuple[str, _Reader], float] = {}
        """When the next signal of a reader may leave, the earliest first."""
        self._waiting: dict[tuple[str, _Reader], ReadSignal] = {}

    def of(self, conversation: str) -> list[Receipt]:
        """The receipts of a conversation, by subject."""
        known = self._known.get(conversation)
        return [] if not known else [known[reader].receipt for reader in sorted(known, key=lambda one: one[::-1])]

    def moved(self, signal: ReadSignal) -> None:
        """A reader's marker moved at this instance: at most one signal in `INTERVAL` says so."""
        if not self._apply(signal):
            return
        key = (signal.conversation, (signal.role, signal.subject))
        if key in self._next:
            self._waiting[key] = signal
        elif len(self._next) < MOVING:
            self._send(key, signal)

    def learn(self, signal: ReadSignal) -> None:
        """Apply what another instance published."""
        if self._apply(signal):
            self._changed(signal.conversation)

    def loaded(self, conversation: str, receipts: Iterable[Receipt], began: float) -> None:
        """Apply the receipts of a read of the store that began at this monotonic time: those that it did not find and
        that were known before are no more."""
        before = self.of(conversation)
        known = self._known.get(conversation) or {}
        left = {reader: one for reader, one in known.items() if one.learned >= began}
        for receipt in receipts:
            reader = (receipt.role, receipt.subject)
            newer = known.get(reader)
            if newer is None or newer.receipt.seq <= receipt.seq:
                left[reader] = _Known(receipt, began)
            else:
                left[reader] = newer
        self._keep(conversation, left)
        if self.of(conversation) != before:
            self._changed(conversation)

    def forget(self, conversation: str) -> None:
        """Drop what is known of a conversation that was deleted."""
        known = self._known.get(conversation)
        self._known.drop(conversation)
        for key in [key for key in self._waiting if key[0] == conversation]:
            del self._waiting[key]
        if known:
            self._changed(conversation)

    def sweep(self) -> None:
        """Send the signals that are due. Called a few times a second."""
        now = self._clock.monotonic()
        for key in [key for key, at in self._next.items() if at <= now]:
            del self._next[key]
            signal = self._waiting.pop(key, None)
            if signal is not None:
                self._send(key, signal)

    def _send(self, key: tuple[str, _Reader], signal: ReadSignal) -> None:
        self._next[key] = self._clock.monotonic() + INTERVAL
        self._publish(signal)
        self._changed(signal.conversation)

    def _apply(self, signal: ReadSignal) -> bool:
        """Whether it changes anything."""
        known = dict(self._known.get(signal.conversation) or {})
        reader = (signal.role, signal.subject)
        before = known.get(reader)
        if signal.seq == 0:
            if before is None:
                return False
            del known[reader]
        elif before is not None and before.receipt.seq >= signal.seq:
            return False
        else:
            known.pop(reader, None)  # the latest last, so that the longest silent one makes room
            receipt = Receipt(subject=signal.subject, role=signal.role, name=signal.name, seq=signal.seq)
            known[reader] = _Known(receipt, self._clock.monotonic())
        self._keep(signal.conversation, known)
        return True

    def _keep(self, conversation: str, known: dict[_Reader, _Known]) -> None:
        if known:
            self._known.put(conversation, dict(list(known.items())[-READERS_SHOWN:]))
        else:
            self._known.drop(conversation)


__all__ = ["CAPACITY", "INTERVAL", "MOVING", "READERS_SHOWN", "ReceiptBoard"]
