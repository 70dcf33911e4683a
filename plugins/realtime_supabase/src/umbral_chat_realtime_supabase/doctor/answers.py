"""What the database says of itself (`umbral_chat_diagnosis`)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Openings(msgspec.Struct, frozen=True):
    """What is not as the migrations made it; empty is well."""

    unguarded: list[str]
    """Tables without row level security."""
    granted: list[str]
    missing_policies: list[str]
    foreign_policies: list[str]
    """On our tables, and not ours."""
    unpinned: list[str]
    """Functions of ours that may look for a name in the session of whoever calls them."""


class Outlet(msgspec.Struct, frozen=True):
    """How broadcasts leave the database."""

    publication: bool
    publishes_inserts: bool
    covers: bool
    uncovered: list[str]
    missing_days: list[str]
    wal_level: str
    slots: int
    slots_limit: int
    decoding: bool
    """Whether somebody, Realtime most likely, holds a replication slot that is being read."""


class Diagnosis(msgspec.Struct, frozen=True):
    """All of it."""

    now: datetime
    openings: Openings
    outlet: Outlet
    triggers: dict[str, Literal["on", "off"] | None]
    """By name; None: missing."""
    payload_limit: int
    connections: int
    connections_limit: int


class Ended(msgspec.Struct, frozen=True):
    """Of a trial's end. `unerased`: why its broadcasts stay, if they do."""

    unerased: str | None = None


class Nothing(msgspec.Struct, frozen=True):
    """Of a call that answers nothing."""


__all__ = ["Diagnosis", "Ended", "Nothing", "Openings", "Outlet"]
