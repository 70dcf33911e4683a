"""The answers of `umbral_chat_diagnosis`: what the database reports about itself."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class AccessDrift(msgspec.Struct, frozen=True):
    """What differs from what the migrations made; all empty: nothing does."""

    unguarded: list[str]
    """Tables without row level security."""
    granted: list[str]
    missing_policies: list[str]
    foreign_policies: list[str]
    """Policies on our tables that the migrations did not make."""
    unpinned: list[str]
    """Functions of ours whose `search_path` lets a caller shadow the names that they use."""


class ReplicationState(msgspec.Struct, frozen=True):
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
    """Whether a replication slot is being read, most likely by Realtime."""


class Diagnosis(msgspec.Struct, frozen=True):
    """The whole answer. Its fields are named as the database function names them."""

    now: datetime
    openings: AccessDrift
    outlet: ReplicationState
    triggers: dict[str, Literal["on", "off"] | None]
    """By name; None: missing."""
    payload_limit: int
    connections: int
    connections_limit: int


class ScratchDeleted(msgspec.Struct, frozen=True):
    """Answer of `umbral_chat_diagnosis_end`. `unerased`: why its broadcasts remain, if they do."""

    unerased: str | None = None


class EmptyAnswer(msgspec.Struct, frozen=True):
    """Of a call whose answer is not used."""


__all__ = ["AccessDrift", "Diagnosis", "EmptyAnswer", "ReplicationState", "ScratchDeleted"]
