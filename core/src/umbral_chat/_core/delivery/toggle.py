"""The realtime toggle: one stored switch for every instance, under a hard off in the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from umbral_chat.clock import Clock
from umbral_chat.errors import Conflict
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.store import TOGGLE_RECORD, Record, SharedStore


class ToggleState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether realtime is on, and who switched it. `by` None: no one has, it is the start value."""

    enabled: bool
    by: str | None = None
    at: datetime | None = None
    locked: bool = False
    """A hard off in the settings, which the API cannot lift."""


log = logging.getLogger(__name__)

_decoder = msgspec.json.Decoder(ToggleState)


class Toggle:
    """`configured` False is a hard off; otherwise the stored value wins over the start value."""

    def __init__(self, store: SharedStore, clock: Clock, *, configured: bool | None) -> None:
        self._store = store
        self._clock = clock
        self._listeners: list[Callable[[ToggleState], None]] = []
        self._locked = configured is False
        self._version = 0
        self.state = ToggleState(enabled=configured is not False, locked=self._locked)

    def on_change(self, listener: Callable[[ToggleState], None]) -> None:
        """Call `listener` after each switch, here or on another instance.

        It may be called with an unchanged value: the same was set again, or the opposite was set in between and not
        read here.
        """
        self._listeners.append(listener)

    async def load(self) -> ToggleState:
        """Read the stored value. Raises HistoryUnavailable."""
        self.learn(await self._store.get(*TOGGLE_RECORD))
        return self.state

    def learn(self, record: Record | None) -> None:
        """Apply a stored value that was read. One that is older than the known one changes nothing."""
        if record is None or self._locked or record.version <= self._version:
            return
        self._version = record.version
        try:
            state = decode_bounded(_decoder, record.value)
        except msgspec.DecodeError as error:
            log.warning("the stored toggle cannot be read, and stays as it is (%s): %s", self.state.enabled, error)
            return
        self.state = state
        for listener in self._listeners:
            listener(state)

    async def set(self, *, enabled: bool, by: str) -> ToggleState:
        """Switch it for every instance. Raises Conflict (`realtime_disabled`) under a hard off."""
        if self._locked:
            raise Conflict(
                "Realtime is off in the settings (realtime.enabled = false): change it there and restart.",
                code="realtime_disabled",
            )
        state = ToggleState(enabled=enabled, by=by, at=self._clock.now())
        self.learn(await self._store.put(*TOGGLE_RECORD, msgspec.json.encode(state)))
        return self.state


__all__ = ["Toggle", "ToggleState"]
