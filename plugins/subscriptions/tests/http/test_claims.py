"""Pull, over a whole service."""

from __future__ import annotations

import asyncio

from .conftest import Caller, Json, Start, until


async def test_claim_ack_and_what_comes_next(service: Caller) -> None:
    made = await service.subscribe("work")
    assert made["secret"] is None
    await service.say("room", "one")
    await service.say("room", "two")
    (claim,) = await service.claim("work", max=10)
    assert set(claim) == {"claim_id", "conversation", "entries", "lease_until"}
    assert claim["conversation"] == "room"
    await service.say("room", "three")
    assert await service.claim("work", wait=0) == []  # the conversation gives no other
    assert [event["entry"]["content"] for event in claim["entries"]] == ["one", "two"]
    assert [event["type"] for event in claim["entries"]] == ["entry", "entry"]
    await service.ack("work", claim)
    (then,) = await service.claim("work")
    assert [event["entry"]["content"] for event in then["entries"]] == ["three"]
    await service.ack("work", then)
    assert await service.claim("work", wait=0) == []


async def test_a_claim_waits_for_what_comes(service: Caller) -> None:
    await service.subscribe("work")
    waiting = asyncio.create_task(service.claim("work", wait=20))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await service.say("room", "now")
    (claim,) = await waiting
    assert claim["entries"][0]["entry"]["content"] == "now"


async def test_several_conversations_at_once_and_few_entries_each(service: Caller) -> None:
    await service.subscribe("work")
    for name in ("a", "b", "c"):
        await service.say(name, "1")
        await service.say(name, "2")
    found: list[Json] = []
    while len(found) < 3:
        found += await service.claim("work", max=3 - len(found), entries=1)
    assert {claim["conversation"] for claim in found} == {"a", "b", "c"}
    assert [len(claim["entries"]) for claim in found] == [1, 1, 1]


async def test_a_released_one_comes_again_with_the_same_id(service: Caller) -> None:
    await service.subscribe("work")
    await service.say("room", "one")
    (first,) = await service.claim("work")
    body = {"claim_ids": [first["claim_id"]]}
    await service.ok("POST", "/v1/subscriptions/work/release", body, status=204)
    (second,) = await service.claim("work")
    assert second["entries"] == first["entries"]
    assert second["claim_id"] != first["claim_id"]


async def test_what_fails_is_given_up_after_the_bound_with_its_reason(start: Start) -> None:
    service = await start(CORE__CONSUMERS__TRIES="2")
    await service.subscribe("work")
    await service.say("room", "poison")
    await service.say("room", "good")
    for reason in ({}, {"reason": "It has no order\nnumber. " + "x" * 500}):
        (claim,) = await service.claim("work", entries=1)
        assert claim["entries"][0]["entry"]["content"] == "poison"
        assert (await service.show("work"))["open_claims"] == 1
        body = {"claim_ids": [claim["claim_id"]], "failed": True, **reason}
        await service.ok("POST", "/v1/subscriptions/work/release", body, status=204)
    shown = await service.show("work")
    assert (shown["dead"], shown["open_claims"]) == (1, 0)
    assert shown["last_error"]["reason"] == ("It has no order number. " + "x" * 500)[:200]
    (then,) = await service.claim("work")
    assert [event["entry"]["content"] for event in then["entries"]] == ["good"]
    await service.ack("work", then)
    assert (await service.show("work"))["open_claims"] == 0
    (listed,) = (await service.ok("GET", "/v1/subscriptions"))["subscriptions"]
    assert listed["open_claims"] is None


async def test_a_reason_is_bounded_and_that_of_a_failure(service: Caller) -> None:
    await service.subscribe("work")
    for body in ({"reason": "why"}, {"failed": True, "reason": "x" * 2_001}):
        answer = await service.ok("POST", "/v1/subscriptions/work/release", {"claim_ids": ["a"], **body}, status=400)
        assert (answer["code"], answer["field"]) == ("invalid_field", "reason")


async def test_a_late_ack_is_refused_with_what_was_late(start: Start) -> None:
    here, there = await start(), await start()
    await here.subscribe("work")
    await here.say("slow", "one")
    (late,) = await here.claim("work", lease=1)
    (again,) = await here.claim("work")
    assert again["entries"] == late["entries"]
    await here.say("other", "two")
    (good,) = await here.claim("work")
    body = {"claim_ids": [good["claim_id"], late["claim_id"]]}
    answer = await there.ask("POST", "/v1/subscriptions/work/ack", body)
    assert answer.status_code == 409
    assert answer.json()["code"] == "claim_expired"
    assert answer.json()["claim_ids"] == [late["claim_id"]]
    await there.ack("work", again)
    assert await there.claim("work", wait=0) == []


async def test_the_end_of_a_conversation_is_claimed(service: Caller) -> None:
    await service.subscribe("work")
    await service.say("room", "one")
    (claim,) = await service.claim("work")
    await service.ack("work", claim)
    await service.ok("DELETE", "/v1/conversations/room", status=204)
    (end,) = await service.claim("work")
    assert [(event["type"], event["entry"]) for event in end["entries"]] == [("deleted", None)]
    await service.ack("work", end)
    assert await service.claim("work", wait=0) == []


async def test_while_it_is_paused_it_gives_nothing_and_takes_what_is_open(service: Caller) -> None:
    await service.subscribe("work")
    await service.say("room", "one")
    (claim,) = await service.claim("work")
    await service.ok("PATCH", "/v1/subscriptions/work", {"paused": True})
    assert await service.refused("POST", "/v1/subscriptions/work/claim", status=409) == "subscription_paused"
    await service.ack("work", claim)
    await service.say("room", "two")
    await service.ok("PATCH", "/v1/subscriptions/work", {"paused": False})
    (then,) = await service.claim("work")
    assert [event["entry"]["content"] for event in then["entries"]] == ["two"]


async def test_a_filter_leaves_the_rest_out(service: Caller) -> None:
    await service.subscribe("work", filter={"roles": ["user"], "prefix": "order-"})
    for name in ("order-1", "other-1"):
        await service.say(name, "bot", sender={"role": "assistant"})
        await service.say(name, "visitor", sender={"role": "user"})
    (claim,) = await service.claim("work", max=10)
    assert [event["entry"]["content"] for event in claim["entries"]] == ["visitor"]
    await service.ack("work", claim)
    assert await service.claim("work", wait=0) == []


async def test_nothing_is_lost_between_workers_of_two_instances(start: Start) -> None:
    here, there = await start(), await start()
    await here.subscribe("work")
    names = [f"room-{number}" for number in range(5)]
    taken: list[tuple[str, str]] = []

    async def work(service: Caller) -> None:
        while len(taken) < 50:
            for claim in await service.claim("work", max=2, entries=3, wait=1):
                taken.extend((claim["conversation"], event["entry"]["content"]) for event in claim["entries"])
                await service.ack("work", claim)

    async def talk(name: str) -> None:
        for number in range(10):
            await (here, there)[number % 2].say(name, str(number))

    await asyncio.wait_for(asyncio.gather(work(here), work(there), *map(talk, names)), 60)
    assert len(taken) == 50
    for name in names:
        assert [content for where, content in taken if where == name] == [str(number) for number in range(10)]


async def test_one_that_is_not_claimed_is_deleted(start: Start) -> None:
    service = await start(SUBSCRIPTIONS__EXPIRE_AFTER="0.6")
    await service.subscribe("work")

    async def gone() -> bool:
        return (await service.ask("GET", "/v1/subscriptions/work")).status_code == 404

    await until(gone, "it expired")
