"""What observers saw. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Here(NamedTuple):
    """One person in a list, as far as an observer is shown it: a page is shown no devices."""

    status: str
    devices: frozenset[str] | None = None


class Observation(NamedTuple):
    """What an observer knew of a conversation from a moment on."""

    asked: float
    """When it asked; the answer is of no earlier moment."""
    at: float
    """When it had the answer; monotonic seconds."""
    people: dict[str, Here]
    typing: frozenset[str]
    version: str = ""
    counts: dict[str, int] | None = None
    """People by role, without those who are not of the lab; None where the observer is not shown them."""


class Gone(NamedTuple):
    """A channel reported that a person left."""

    at: float
    name: str


@dataclass(slots=True)
class ObserverLog:
    """Of one observer and one conversation. People go by their name, which is their id."""

    observer: str
    conversation: str
    instance: int | None
    """Of which instance it learns; None: of neither, on a channel of its own."""
    seen: list[Observation] = field(default_factory=list)
    """One for each answer or message, in order."""
    gone: list[Gone] = field(default_factory=list)


def people_of(given: list[dict[str, Any]]) -> dict[str, Here]:
    """Of a presence list, by name; people who are not of the lab are left out."""
    return {
        each["name"]: Here(
            each["status"], frozenset(one["device"] for one in each["devices"]) if "devices" in each else None
        )
        for each in given
        if is_of_the_lab(each)
    }


def typing_of(given: list[dict[str, Any]]) -> frozenset[str]:
    """Who types, by name."""
    return frozenset(each["name"] for each in given if is_of_the_lab(each))


def is_of_the_lab(given: dict[str, Any]) -> bool:
    """Whether it is one of the driver's people, and not the page that looks on."""
    name = str(given.get("name") or "")
    return name.startswith("p") and name[1:].isdigit()


__all__ = ["Gone", "Here", "Observation", "ObserverLog", "is_of_the_lab", "people_of", "typing_of"]
