"""Deliberate bugs in presence. The lab must catch each of them, or a run without findings proves little.

Each patches the code of the running service; where a patched name no longer exists the service fails to start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import TypingNow
from umbral_chat_presence.state.device_state import HERE, DeviceState, Instant
from umbral_chat_presence.state.devices import Devices
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.state.people import Person
from umbral_chat_presence.state.room import Room


@dataclass(frozen=True)
class Bug:
    """What it is, for a person, and what puts it in."""

    what: str
    make: Callable[[], None]


def _instead(owner: type[Any], name: str, other: Callable[..., Any]) -> None:
    if name not in vars(owner):
        raise LookupError(f"{owner.__name__} has no {name}: the bug has to be written anew")
    setattr(owner, name, other)


def never_expire() -> None:
    """A device never expires."""
    due = Devices.on_deadline

    def stays(self: Devices, room: Room, person: Person, device: str, now: Instant) -> bool:
        owned = person.mine.get(device)
        if owned is not None and owned.state.phase == HERE:
            owned.until = now.elapsed + 3600
        return due(self, room, person, device, now)

    _instead(Devices, "on_deadline", stays)


def forget_the_hold_back() -> None:
    """A person who leaves is gone at once, without hold-back."""
    leave = Devices.leave

    def at_once(self: Devices, room: Room, person: Person, device: str, now: Instant) -> bool:
        usual = self._settings
        self._settings = msgspec.structs.replace(usual, hold_back=0.0)
        try:
            return leave(self, room, person, device, now)
        finally:
            self._settings = usual

    _instead(Devices, "leave", at_once)


def type_for_ever() -> None:
    """Typing ends by a report only, and never by itself."""
    typing = Engine.typing

    def goes_on(
        self: Engine, conversation: str, person: Sender, types: bool, seconds: float | None, now: Instant
    ) -> TypingNow:
        answer = typing(self, conversation, person, types, seconds, now)
        for typist in self.rooms.all[conversation].typists.values() if answer.typing else ():
            if typist.mine is not None and typist.mine.until <= now.elapsed + answer.expires_in:
                typist.mine.until += 3600
        return answer

    _instead(Engine, "typing", goes_on)


def let_the_older_state_win() -> None:
    """Of two states of one device the one with the lower stamp wins."""

    def winner(self: Person, device: str, instance: str) -> tuple[DeviceState, bool] | None:
        owned = self.mine.get(device)
        found = [] if owned is None else [(owned.state.stamp, instance, owned.state)]
        found += [(remote.state.stamp, other, remote.state) for other, remote in self.others.get(device, {}).items()]
        oldest = min(found, key=lambda one: one[:2], default=None)
        return None if oldest is None else (oldest[2], oldest[1] == instance)

    _instead(Person, "winner", winner)


def take_every_device_for_the_person() -> None:
    """A person who leaves with one device has left with all."""
    leave = Devices.leave

    def leave_with_all(self: Devices, room: Room, person: Person, device: str, now: Instant) -> bool:
        left = leave(self, room, person, device, now)
        for other in list(person.mine):
            leave(self, room, person, other, now)
        return left

    _instead(Devices, "leave", leave_with_all)


BUGS: dict[str, Bug] = {
    "never-expire": Bug("a device that crashed stays", never_expire),
    "forget-the-hold-back": Bug("who leaves is gone at once", forget_the_hold_back),
    "type-for-ever": Bug("typing does not end by itself", type_for_ever),
    "older-claim": Bug("of two states of one device the older wins", let_the_older_state_win),
    "one-tab-for-all": Bug("who leaves with one tab leaves with all", take_every_device_for_the_person),
}

__all__ = ["BUGS", "Bug"]
