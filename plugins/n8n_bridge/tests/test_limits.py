"""What a session may use, by its pure rule, and counted by several instances at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import TooManyRequests
from umbral_chat_n8n_bridge.gateway.limits import SessionRecord, count_message

from .rig import rig

START = datetime(2026, 1, 1, 23, 0, tzinfo=UTC)


@given(
    pauses=st.lists(st.floats(0, 90), max_size=40),
    per_minute=st.integers(0, 5),
    per_day=st.integers(0, 12),
)
def test_no_minute_and_no_day_has_more(pauses: list[float], per_minute: int, per_day: int) -> None:
    used, now, taken = SessionRecord(), START, list[datetime]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        try:
            used = used.counted(now, per_minute=per_minute, per_day=per_day)
        except TooManyRequests:
            continue
        taken.append(now)
    if not per_minute and not per_day:
        assert len(taken) == len(pauses)
    if per_day:
        for day in {one.date() for one in taken}:
            assert len([one for one in taken if one.date() == day]) <= per_day
    if per_minute:
        for at in taken:
            # All of a minute at once, and what came back in the minute after it.
            within = [one for one in taken if at <= one < at + timedelta(seconds=60)]
            assert len(within) <= 2 * per_minute


def test_a_clock_that_was_ahead_does_not_lock_a_session_out() -> None:
    ahead = SessionRecord().counted(START + timedelta(days=3), per_minute=2, per_day=0)
    assert ahead.counted(START, per_minute=2, per_day=0).count == 1
    little = SessionRecord().counted(START + timedelta(seconds=70), per_minute=2, per_day=0)
    with pytest.raises(TooManyRequests):
        little.counted(START, per_minute=2, per_day=0)
    assert little.counted(START + timedelta(seconds=80), per_minute=2, per_day=0).count == 2


async def test_what_is_counted_at_once_is_counted_all(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        store = it.client.app.state.services.storage.store
        now = datetime.now(UTC)
        counts = [count_message(store, "support:a", now, per_minute=0, per_day=5) for _ in range(4)]
        await asyncio.gather(*counts)
        await count_message(store, "support:a", now, per_minute=0, per_day=5)
        with pytest.raises(TooManyRequests):
            await count_message(store, "support:a", now, per_minute=0, per_day=5)
        await count_message(store, "support:b", now, per_minute=0, per_day=5)
