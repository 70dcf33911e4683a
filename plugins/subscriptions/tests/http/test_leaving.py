"""A client that leaves while its claim waits: nothing is claimed on its behalf."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from umbral_chat.http_kit.asgi import Disconnect
from umbral_chat.providers.consumers import Claims
from umbral_chat_subscriptions.http.claiming import _claim_unless_left


class Claimed:
    def __init__(self, claim_id: str) -> None:
        self.claim_id = claim_id


class FakeClaims:
    """Gives what it is told to, once; a claim that is cancelled may have been given already."""

    def __init__(self, *, in_spite_of: bool = False) -> None:
        self.given: asyncio.Future[list[Claimed]] = asyncio.get_running_loop().create_future()
        self.released: list[str] = []
        self.waited: float | None = None
        self._in_spite_of = in_spite_of

    async def claim(self, **asked: Any) -> list[Claimed]:
        self.waited = asked["wait"]
        try:
            return await asyncio.shield(self.given)
        except asyncio.CancelledError:
            if self._in_spite_of:
                return [Claimed("late")]
            raise

    async def release(self, claim_ids: Sequence[str]) -> None:
        self.released += claim_ids


def claiming(claims: FakeClaims, disconnect: Disconnect) -> asyncio.Task[Any]:
    giving = cast("Any", claims.claim(wait=20.0))
    return asyncio.create_task(_claim_unless_left(giving, cast("Claims", claims), disconnect))


async def test_it_is_given_what_came() -> None:
    claims, disconnect = FakeClaims(), Disconnect()
    waiting = claiming(claims, disconnect)
    await asyncio.sleep(0)
    claims.given.set_result([Claimed("one")])
    assert [claim.claim_id for claim in await waiting] == ["one"]
    assert claims.waited == 20.0
    assert disconnect.waiter is None


@pytest.mark.parametrize("in_spite_of", [False, True])
async def test_one_that_left_is_given_nothing(in_spite_of: bool) -> None:
    claims, disconnect = FakeClaims(in_spite_of=in_spite_of), Disconnect()
    waiting = claiming(claims, disconnect)
    await asyncio.sleep(0)
    disconnect.happen()
    assert await waiting is None
    assert claims.released == (["late"] if in_spite_of else [])


async def test_one_that_left_before_is_given_nothing() -> None:
    claims, disconnect = FakeClaims(), Disconnect()
    disconnect.happen()
    assert await claiming(claims, disconnect) is None


async def test_what_fails_is_raised() -> None:
    claims = FakeClaims()
    waiting = claiming(claims, Disconnect())
    await asyncio.sleep(0)
    claims.given.set_exception(RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        await waiting
