"""Rosters as they are stored: in parts that a record can take, and whole again or not at all."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from umbral_chat_presence.replication.roster_parts import pack, unpack
from umbral_chat_presence.state.device_state import DeviceState
from umbral_chat_presence.state.roster import LastSeenRecord, Roster, TypingTombstone
from umbral_chat_presence.state.typists import TypingSpan

RECORD = 64 * 1024


def roster(devices: int, size: int, seen: int) -> Roster:
    text = "é" * size
    return Roster(
        [DeviceState(n, 0, "user", f"u{n}", text, f"d{n}", n, 45.0, metadata={"text": text}) for n in range(devices)],
        [TypingSpan(n, "user", f"u{n}", text, 8.0) for n in range(seen)],
        [TypingTombstone(n, f"id:{n}") for n in range(seen)],
        [LastSeenRecord(n, "agent", f"s{n}", text) for n in range(seen)],
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300), st.sampled_from([0, 1, 100, 200]), st.integers(0, 100), st.randoms())
def test_any_roster_comes_back_whole_in_any_order(devices: int, size: int, seen: int, random: object) -> None:
    wanted = roster(devices, size, seen)
    parts = pack(wanted, 7)
    assert all(len(part) <= RECORD for part in parts)
    random.shuffle(parts)  # type: ignore[attr-defined]
    found = unpack(parts)
    assert found is not None
    assert (found.number, found.roster) == (7, wanted)


def test_what_is_left_of_an_older_one_does_not_count() -> None:
    older, newer = pack(roster(900, 100, 0), 1), pack(roster(5, 0, 0), 2)
    assert len(older) > len(newer) == 1
    found = unpack([*newer, *older[1:]])
    assert found is not None
    assert (found.number, found.roster) == (2, roster(5, 0, 0))


def test_half_of_one_is_none() -> None:
    older, newer = pack(roster(900, 100, 0), 1), pack(roster(900, 101, 0), 2)
    for written in range(1, len(newer)):
        assert unpack([*newer[:written], *older[written:]]) is None
    assert unpack(newer) is not None


@pytest.mark.parametrize("value", [b"", b"7", b"{}", b"[1,0,1]", b'[1,0,1,[["x"]]]', b"[1,0,9,[]]"])
def test_what_cannot_be_read_is_none(value: bytes) -> None:
    assert unpack([value]) is None


def test_nothing_is_none() -> None:
    assert unpack([]) is None
