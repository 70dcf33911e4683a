from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from umbral_chat._core.auth.tokens import TokenIssuer, load_secrets
from umbral_chat.errors import HistoryUnavailable, StoreError
from umbral_chat.providers.store import Record, SharedStore
from umbral_chat.settings import Secret

if TYPE_CHECKING:
    from core.tests.auth.conftest import FakeClock


class OneRecord:
    """As much of a shared store as drawing a secret needs; each call gives others their turn."""

    def __init__(self) -> None:
        self.record: Record | None = None
        self.writes = 0

    async def get(self, namespace: str, key: str) -> Record | None:
        assert (namespace, key) == ("core", "token-secret")
        await asyncio.sleep(0)
        return self.record

    async def compare_and_set(self, namespace: str, key: str, value: bytes, *, expect: int) -> Record | None:
        assert (namespace, key, expect) == ("core", "token-secret", 0)
        await asyncio.sleep(0)
        if self.record is not None:
            return None
        self.writes += 1
        self.record = Record(value, 1)
        return self.record


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def shared(store: OneRecord) -> SharedStore:
    return cast("SharedStore", store)


async def test_configured_secrets_are_used_and_nothing_is_stored() -> None:
    store = OneRecord()
    configured = [Secret("a" * 32), Secret("b" * 32)]
    assert await load_secrets(configured, shared(store)) == configured
    assert store.record is None


async def test_a_drawn_secret_is_kept_good_enough_and_different_each_time(clock: FakeClock) -> None:
    store = OneRecord()
    (drawn,) = await load_secrets([], shared(store))
    assert await load_secrets([], shared(store)) == [drawn]
    assert store.writes == 1
    TokenIssuer([drawn], clock)
    assert len(bytes.fromhex(drawn.reveal())) == 32
    assert await load_secrets([], shared(OneRecord())) != [drawn]


async def test_processes_that_start_at_once_agree() -> None:
    store = OneRecord()
    answers = await asyncio.gather(*(load_secrets([], shared(store)) for _ in range(8)))
    assert store.writes == 1
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("value", [b"", b"short", b"\xff" * 64, b"0" * 65])
async def test_what_is_no_secret_is_refused_and_not_shown(value: bytes) -> None:
    store = OneRecord()
    store.record = Record(value, 3)
    with pytest.raises(StoreError, match="core/token-secret") as caught:
        await load_secrets([], shared(store))
    assert not value or value.decode("latin-1") not in str(caught.value)


async def test_a_store_that_does_not_answer_is_not_taken_for_an_empty_one() -> None:
    class Down(OneRecord):
        async def get(self, namespace: str, key: str) -> Record | None:
            raise HistoryUnavailable("The store does not answer.")

    store = Down()
    with pytest.raises(HistoryUnavailable):
        await load_secrets([], shared(store))
    assert store.writes == 0
