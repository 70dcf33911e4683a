"""An intermittent difference is named, and never ignored."""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.local_supabase.stack.api import Stack

from .retrying import MAX_ROUNDS, SHOW_WARNING, STALL, IntermittentDifference, ask_until_settled, watch_for_stalls

SAME: dict[str, Any] = {}
OTHER: dict[str, Any] = {"v1 leave": {"real": 1, "here": 2}}
STILL = STALL / 2
STALLED = STALL * 2


class ScriptedRounds:
    """The results of successive rounds."""

    def __init__(self, *each: tuple[dict[str, Any], float]) -> None:
        self.left = list(each)

    async def ask(self) -> tuple[dict[str, Any], float]:
        return self.left.pop(0)


@pytest.mark.parametrize("stalled", [STILL, STALLED])
async def test_one_round_that_agrees_is_enough(stalled: float) -> None:
    rounds = ScriptedRounds((SAME, stalled))
    await ask_until_settled(rounds.ask)


async def test_a_difference_without_a_stall_fails_without_a_second_round() -> None:
    rounds = ScriptedRounds((OTHER, STILL), (SAME, STILL), (SAME, STILL))
    with pytest.raises(AssertionError, match="v1 leave"):
        await ask_until_settled(rounds.ask)


async def test_after_a_stall_two_rounds_must_agree_and_what_differed_is_named() -> None:
    rounds = ScriptedRounds((OTHER, STALLED), (SAME, STILL), (SAME, STILL))
    with pytest.warns(IntermittentDifference, match="v1 leave"):
        await ask_until_settled(rounds.ask)
    assert rounds.left == []


@pytest.mark.filterwarnings(SHOW_WARNING)
async def test_with_the_filter_the_warning_is_no_error() -> None:
    rounds = ScriptedRounds((OTHER, STALLED), (SAME, STILL), (SAME, STILL))
    with warnings.catch_warnings(record=True) as caught:
        await ask_until_settled(rounds.ask)
    assert ["v1 leave" in str(each.message) for each in caught] == [True]


async def test_one_that_agrees_in_between_is_not_enough() -> None:
    rounds = ScriptedRounds((OTHER, STALLED), (SAME, STILL), (OTHER, STALLED), (SAME, STILL))
    with pytest.raises(AssertionError, match=r"(?s)no two rounds agree.*round 1.*round 3"):
        await ask_until_settled(rounds.ask)
    assert rounds.left == []


async def test_a_later_difference_without_a_stall_fails() -> None:
    rounds = ScriptedRounds((OTHER, STALLED), (SAME, STILL), (OTHER, STILL))
    with pytest.raises(AssertionError, match=r"(?s)round 1.*round 3"):
        await ask_until_settled(rounds.ask)


async def test_a_machine_that_always_stalls_excuses_nothing() -> None:
    rounds = ScriptedRounds(*[(OTHER, STALLED)] * MAX_ROUNDS)
    with pytest.raises(AssertionError, match="v1 leave"):
        await ask_until_settled(rounds.ask)
    assert rounds.left == []


async def test_a_server_that_does_not_answer_is_a_stall(supabase: Stack) -> None:
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
        async with watch_for_stalls(stack) as watch:
            await asyncio.sleep(STALLED)
    finally:
        await runner.cleanup()
    assert watch.stalled > STALL
