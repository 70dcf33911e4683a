"""The records, on the embedded store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from umbral_chat.providers.store import SharedStore
from umbral_chat.testing.embedded import HandClock, opened
from umbral_chat_subscriptions.filters import Filter
from umbral_chat_subscriptions.records import NAMESPACE, Records, Subscription, new_subscription

AT = datetime(2026, 1, 1, tzinfo=UTC)


def subscription(
    name: str = "tickets", url: str | None = "https://example.com/hook", at: datetime = AT
) -> Subscription:
    chosen = Filter(prefix="order-", metadata={"tier": "gold"})
    return new_subscription(name, AT, filter=chosen, start="now", imported=False, url=url)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[SharedStore]:
    async with opened(tmp_path / "chat.sqlite3", clock=clock) as storage:
        yield storage.store


@pytest.fixture
def records(store: SharedStore) -> Records:
    return Records(store)


async def test_what_is_stored_is_found(records: Records) -> None:
    made = subscription()
    assert await records.add(made)
    stored = await records.get("tickets")
    assert stored is not None
    assert stored.subscription == made
    assert await records.get("other") is None
    found, ended = await records.all()
    assert {name: one.subscription for name, one in found.items()} == {"tickets": made}
    assert ended == {}


def test_no_repr_shows_the_secret() -> None:
    made = subscription()
    assert made.push is not None
    assert made.push.secret.reveal() not in repr(made)
    with pytest.raises(TypeError):
        msgspec.json.encode(made)  # by an encoder that does not mean to


async def test_a_name_is_given_once(records: Records) -> None:
    assert await records.add(subscription())
    assert not await records.add(subscription())


async def test_a_change_is_of_what_was_read(records: Records) -> None:
    await records.add(subscription())
    stored = await records.get("tickets")
    assert stored is not None
    paused = msgspec.structs.replace(stored.subscription, paused=True)
    assert await records.replace(stored, paused)
    assert not await records.replace(stored, stored.subscription)
    again = await records.get("tickets")
    assert again is not None
    assert again.subscription.paused


async def test_one_that_ended_is_not_found_and_its_name_is_free(records: Records) -> None:
    first, second = subscription(), subscription()
    await records.add(first)
    stored = await records.get("tickets")
    assert stored is not None
    await records.end(first)
    assert await records.get("tickets") is None
    assert not await records.replace(stored, msgspec.structs.replace(first, paused=True))
    assert await records.all() == ({}, {first.id: first.consumer})
    assert await records.add(second)
    await records.end(first)  # again, by another instance that was slow
    found, _ = await records.all()
    assert found["tickets"].subscription == second
    await records.cleaned(first.id)
    assert (await records.all())[1] == {}


async def test_an_end_that_was_cut_in_half_is_an_end(records: Records, store: SharedStore) -> None:
    first = subscription()
    await records.add(first)
    mark = json.dumps({"consumer": first.consumer}).encode()
    await store.put(NAMESPACE, f"/ended/{first.id}", mark)
    assert await records.get("tickets") is None
    assert (await records.all())[0] == {}
    assert await records.add(subscription())


async def test_one_of_another_version_is_left_alone(
    records: Records, store: SharedStore, caplog: pytest.LogCaptureFixture
) -> None:
    await records.add(subscription())
    await store.put(NAMESPACE, "newer", b'{"type":"something else"}')
    found, _ = await records.all()
    assert set(found) == {"tickets"}
    assert "newer" in caplog.text


async def test_use_is_remembered_for_so_long(records: Records, clock: HandClock) -> None:
    made = subscription(url=None)
    await records.claimed_now(made.id, expire_after=100)
    await clock.elapse(99)
    assert made.id in await records.in_use()
    await records.claimed_now(made.id, expire_after=100)
    await clock.elapse(99)
    assert made.id in await records.in_use()
    await clock.elapse(2)
    assert made.id not in await records.in_use()


async def test_one_adds_at_a_time(records: Records, store: SharedStore) -> None:
    turn = await records.take_turn()
    assert turn is not None
    assert await Records(store).take_turn() is None
    await records.end_turn(turn)
    assert await Records(store).take_turn() is not None
