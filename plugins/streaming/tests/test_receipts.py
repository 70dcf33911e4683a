"""Receipts on streams: the whole list, at most once a second, and to whoever joins."""

from __future__ import annotations

import asyncio

from umbral_chat.model.receipts import Receipt
from umbral_chat_streaming.board import SIGNAL_INTERVAL

from core.tests.feed.virtual import run, settle

from .rig import Client, HubRig, instance


def seqs(client: Client) -> list[list[int]]:
    return [[one["seq"] for one in signal["readers"]] for signal in client.signals if signal["signal"] == "readers"]


def move(rig: HubRig, seq: int) -> None:
    rig.receipts[:] = [Receipt(subject="ada", role="user", name="Ada", seq=seq)]
    rig.feeds.touch_signals("room")


def test_a_marker_that_moves_often_is_one_list_a_second() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            for number in range(9):
                rig.say(f"m{number}")
            client, _ = await rig.stream()
            await settle()
            assert seqs(client) == []
            for seq in range(1, 10):
                move(rig, seq)
                await settle()
            assert seqs(client) == [[1]]
            await asyncio.sleep(2 * SIGNAL_INTERVAL)
            await settle()
            assert seqs(client) == [[1], [9]]
            rig.receipts.clear()
            rig.feeds.touch_signals("room")
            await asyncio.sleep(SIGNAL_INTERVAL)
            await settle()
            assert seqs(client) == [[1], [9], []]

    run(scenario())


def test_who_joins_gets_what_there_is() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            move(rig, 1)
            first, _ = await rig.stream()
            second, _ = await rig.stream()
            await settle()
            assert (seqs(first), seqs(second)) == ([[1]], [[1]])
            (signal,) = [one for one in second.signals if one["signal"] == "readers"]
            assert signal["readers"] == [{"subject": "ada", "role": "user", "name": "Ada", "seq": 1}]

    run(scenario())
