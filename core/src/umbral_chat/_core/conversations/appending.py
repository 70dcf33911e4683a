"""The way into the log: a checked write is appended to the history, counted, and published on this process's bus."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NamedTuple

from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.history.monitored import operator_inbox
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.model.writes import Appended, Write, WriteUpdate
from umbral_chat.providers.history import History
from umbral_chat.telemetry import Telemetry


class Sent(NamedTuple):
    """The result of a write: the encoded entry, its cursor, and whether it is new (or a repeat of a stored one)."""

    entry: EncodedEntry
    cursor: Cursor
    created: bool


class Appender:
    """Appends to the logs on behalf of callers and of the service itself."""

    def __init__(self, history: History, bus: Bus, telemetry: Telemetry) -> None:
        self._history, self._bus = history, bus
        sends = telemetry.counter("umbral_chat.sends")
        self._created, self._repeated = sends.labels("created"), sends.labels("repeated")
        self._refused, self._unavailable = sends.labels("refused"), sends.labels("unavailable")

    async def append(self, write: Write) -> Sent:
        """Append `write`. Raises what `History.append` raises."""
        return await self._append(write, self._history.append(write))

    async def take(self, write: WriteUpdate) -> Sent:
        """Append `write` if nobody else has the conversation. Raises what `OperatorInbox.take` raises, and
        InvalidRequest (`not_supported`)."""
        return await self._append(write, operator_inbox(self._history).take(write))

    async def _append(self, write: Write, appending: Awaitable[Appended]) -> Sent:
        try:
            appended = await appending
        except HistoryUnavailable:
            self._unavailable.value += 1
            raise
        except Exception:
            self._refused.value += 1
            raise
        stored = EncodedEntry.of(appended.entry, appended.json)
        counter = self._created if appended.created else self._repeated
        counter.value += 1
        if appended.created:
            entries = [stored, *(EncodedEntry.of(entry) for entry in appended.follow_ups)]
            self._bus.publish(LogChange(write.conversation, appended.epoch, entries, write.subject))
        return Sent(stored, Cursor(appended.epoch, stored.seq), appended.created)


__all__ = ["Appender", "Sent"]
