"""Offers of which a part is waited for: what comes late or fails is left out, and holds up nothing else."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from umbral_chat._core.delivery import offers
from umbral_chat._core.delivery.offers import completed
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import COMPLETION_TIMEOUT, CompletedOffer, Offer

PLAIN = Offer(edge="poll", rank=0, url="/events")


async def at_once() -> dict[str, Any]:
    return {"ticket": "t", "kept": "of the plugin"}


async def fails() -> dict[str, Any]:
    raise HistoryUnavailable("The store is away.")


def offer(complete: Any, rank: int = 40) -> CompletedOffer:
    return CompletedOffer(edge="sse", rank=rank, url="/stream", parameters={"kept": "of the offer"}, complete=complete)


async def test_what_is_added_stands_beside_what_the_offer_has() -> None:
    plain, found = await completed([PLAIN, offer(at_once)])
    assert plain is PLAIN
    assert type(found) is Offer
    assert (found.edge, found.rank, found.url) == ("sse", 40, "/stream")
    assert found.parameters == {"kept": "of the plugin", "ticket": "t"}


async def test_an_offer_that_takes_too_long_is_sent_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < COMPLETION_TIMEOUT < 5, "connect waits for as long"
    monkeypatch.setattr(offers, "COMPLETION_TIMEOUT", 0.05)
    cancelled: list[str] = []

    async def never() -> dict[str, Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("never")
            raise
        return {}

    began = time.monotonic()
    late, plain, whole = await asyncio.wait_for(completed([offer(never), PLAIN, offer(at_once)]), 30)
    assert time.monotonic() - began >= 0.05
    assert late == Offer(edge="sse", rank=40, url="/stream", parameters={"kept": "of the offer"})
    assert (plain, whole.parameters["ticket"]) == (PLAIN, "t")
    assert cancelled == ["never"], "and nothing goes on behind it"


async def test_offers_are_completed_beside_each_other() -> None:
    meeting = asyncio.Barrier(2)

    async def meets() -> dict[str, Any]:
        await meeting.wait()
        return {"met": True}

    found = await asyncio.wait_for(completed([offer(meets), offer(meets)]), 30)
    assert [one.parameters["met"] for one in found] == [True, True]


async def test_an_offer_whose_store_fails_is_sent_without() -> None:
    (found,) = await completed([offer(fails)])
    assert found == Offer(edge="sse", rank=40, url="/stream", parameters={"kept": "of the offer"})


async def test_a_fault_of_the_plugin_is_logged_and_costs_no_other_offer(caplog: pytest.LogCaptureFixture) -> None:
    async def wrong() -> dict[str, Any]:
        raise ZeroDivisionError

    found, whole = await completed([offer(wrong), offer(at_once)])
    assert found.parameters == {"kept": "of the offer"}
    assert whole.parameters["ticket"] == "t"
    assert "sse" in caplog.text
    assert "ZeroDivisionError" in caplog.text
