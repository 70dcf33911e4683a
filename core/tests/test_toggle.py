"""The switch of realtime: for every instance, in the order in which it was switched."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest
from umbral_chat._core.delivery.toggle import Toggle, ToggleState
from umbral_chat.clock import SystemClock
from umbral_chat.errors import Conflict
from umbral_chat.providers.store import Record

from .consumers.store import MemoryStore


def record(*, enabled: bool, version: int) -> Record:
    return Record(msgspec.json.encode(ToggleState(enabled=enabled)), version)


def toggle(store: MemoryStore | None = None, *, configured: bool | None = None) -> tuple[Toggle, list[bool]]:
    made = Toggle((store or MemoryStore()).store, SystemClock(), configured=configured)
    heard: list[bool] = []
    made.on_change(lambda state: heard.append(state.enabled))
    return made, heard


async def test_it_is_switched_here_and_read_elsewhere_and_survives_a_start() -> None:
    store = MemoryStore()
    here, heard = toggle(store)
    state = await here.set(enabled=False, by="operator")
    assert (state.enabled, state.by, heard) == (False, "operator", [False])
    elsewhere, _ = toggle(store, configured=True)
    assert not (await elsewhere.load()).enabled, "the stored value wins over the start value"


async def test_a_hard_off_in_the_settings_is_not_lifted() -> None:
    made, heard = toggle(configured=False)
    with pytest.raises(Conflict) as refused:
        await made.set(enabled=True, by="operator")
    assert refused.value.code == "realtime_disabled"
    made.learn(record(enabled=True, version=1))
    assert (made.state.enabled, made.state.locked, heard) == (False, True, [])


async def test_what_was_read_before_it_was_switched_does_not_switch_it_back() -> None:
    store = MemoryStore()
    made, heard = toggle(store)
    before = await store.put("core", "realtime", record(enabled=True, version=0).value)
    await made.set(enabled=False, by="operator")
    made.learn(before)
    assert (made.state.enabled, heard) == (False, [False])


async def test_each_word_is_passed_on_once_also_when_it_says_what_holds() -> None:
    store = MemoryStore()
    here, heard = toggle(store)
    elsewhere, told = toggle(store)
    await here.set(enabled=False, by="operator")
    last = await store.put("core", "realtime", record(enabled=True, version=0).value)
    for _ in range(2):
        elsewhere.learn(last)
    assert (heard, told) == ([False], [True]), "off and on between two looks: the start's on is said anew"


async def test_two_hundred_switches_at_once_end_everywhere_as_the_store_has_it() -> None:
    store = MemoryStore()
    one, _ = toggle(store)
    two, _ = toggle(store)
    await asyncio.gather(*(made.set(enabled=bool(n % 3), by=str(n)) for n in range(100) for made in (one, two)))
    stored = msgspec.json.decode(store.records["core", "realtime"].value, type=ToggleState)
    await one.load()
    await two.load()
    assert one.state == two.state == stored


async def test_a_stored_value_that_cannot_be_read_stops_neither_the_start_nor_the_next_switch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    await store.put("core", "realtime", b"{")
    made, heard = toggle(store)
    with caplog.at_level(logging.WARNING):
        assert (await made.load()).enabled
    assert "cannot be read" in caplog.text
    await made.set(enabled=False, by="operator")
    assert heard == [False]
