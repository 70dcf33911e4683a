"""A difference that comes only now and then is named, and never passed over."""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.local_supabase.stack.api import Stack

from .trying import SHOWN, STALL, TRIES, OnlyNowAndThen, settled, watching

SAME: dict[str, Any] = {}
OTHER: dict[str, Any] = {"v1 leave": {"real": 1, "here": 2}}
STILL = STALL / 2
STALLED = STALL * 2


class Rounds:
    """What comes of each round, one after the other."""

    def __init__(self, *each: tuple[dict[str, Any], float]) -> None:
        self.left = list(each)

    async def ask(self) -> tuple[dict[str, Any], float]:
        return self.left.pop(0)


@pytest.mark.parametrize("stalled", [STILL, STALLED])
async def test_one_round_that_agrees_is_enough(stalled: float) -> None:
    rounds = Rounds((SAME, stalled))
    await settled(rounds.ask)


async def test_a_difference_without_a_stall_is_one_whatever_a_second_round_would_say() -> None:
    rounds = Rounds((OTHER, STILL), (SAME, STILL), (SAME, STILL))
    with pytest.raises(AssertionError, match="v1 leave"):
        await settled(rounds.ask)


async def test_after_a_stall_two_rounds_must_agree_and_what_differed_is_named() -> None:
    rounds = Rounds((OTHER, STALLED), (SAME, STILL), (SAME, STILL))
    with pytest.warns(OnlyNowAndThen, match="v1 leave"):
        await settled(rounds.ask)
    assert rounds.left == []


@pytest.mark.filterwarnings(SHOWN)
async def test_where_the_warning_is_to_be_shown_it_is_no_error() -> None:
    rounds = Rounds((OTHER, STALLED), (SAME, STILL), (SAME, STILL))
    with warnings.catch_warnings(record=True) as caught:
        await settled(rounds.ask)
    assert ["v1 leave" in str(each.message) for each in caught] == [True]


async def test_one_that_agrees_in_between_is_not_enough() -> None:
    rounds = Rounds((OTHER, STALLED), (SAME, STILL), (OTHER, STALLED), (SAME, STILL))
    with pytest.raises(AssertionError, match=r"(?s)no two rounds agree.*round 1.*round 3"):
        await settled(rounds.ask)
    assert rounds.left == []


async def test_after_a_stall_a_difference_without_one_is_one() -> None:
    rounds = Rounds((OTHER, STALLED), (SAME, STILL), (OTHER, STILL))
    with pytest.raises(AssertionError, match=r"(?s)round 1.*round 3"):
        await settled(rounds.ask)


async def test_a_machine_that_always_stalls_excuses_nothing() -> None:
    rounds = Rounds(*[(OTHER, STALLED)] * TRIES)
    with pytest.raises(AssertionError, match="v1 leave"):
        await settled(rounds.ask)
    assert rounds.left == []


async def test_a_server_that_stands_still_is_a_stall(supabase: Stack) -> None:
    async def late(_: web.Request) -> web.Response:
        await asyncio.sleep(STALLED)
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/_control/realtime/state", late)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stack = replace(supabase, url=f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with watching(stack) as watch:
            await asyncio.sleep(STALLED)
    finally:
        await runner.cleanup()
    assert watch.stalled > STALL
