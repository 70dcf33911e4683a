"""Push, over a whole service."""

from __future__ import annotations

import asyncio
import logging

import pytest
from standardwebhooks.webhooks import Webhook

from .conftest import Caller, Receive, Start, events, until


def answer(status: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Any", "Content-Length: 0", *headers, "", ""]).encode()


async def test_what_is_written_from_now_on_is_sent_signed(service: Caller, receive: Receive) -> None:
    receiver = await receive()
    await service.say("room", "before")
    made = await service.subscribe("tickets", receiver)
    assert made["secret"].startswith("whsec_")
    await service.say("room", "after", sender={"role": "user", "id": "ada"})
    await service.say("other", "there")
    await until(lambda: len(receiver.requests) >= 2, "both arrived")
    found = {event["conversation"]: event for event in events(receiver)}
    assert set(found) == {"room", "other"}
    assert found["room"]["entry"]["content"] == "after"
    assert found["room"]["entry"]["seq"] == 2
    assert found["room"]["cursor"].endswith(".2")
    for _, headers, body in receiver.requests:
        assert Webhook(made["secret"]).verify(body, headers)["id"] == headers["webhook-id"]


async def test_from_the_beginning_with_imported_ones(service: Caller, receive: Receive) -> None:
    receiver, all_of_it = await receive(), await receive()
    await service.say("room", "first")
    path = "/v1/conversations/room/entries"
    body = {
        "kind": "message",
        "message_id": "m-old",
        "content": "old",
        "at": "2020-01-01T00:00:00Z",
        "sender": {"role": "user"},
    }
    await service.ok("POST", path, body, status=201)
    await service.say("room", "last")
    await service.subscribe("some", receiver, start="beginning")
    await service.subscribe("all", all_of_it, start="beginning", imported=True)
    await until(lambda: len(receiver.requests) >= 2 and len(all_of_it.requests) >= 3, "all arrived")
    assert [event["entry"]["content"] for event in events(receiver)] == ["first", "last"]
    assert [event["entry"]["content"] for event in events(all_of_it)] == ["first", "old", "last"]


async def test_a_filter(service: Caller, receive: Receive) -> None:
    receiver = await receive()
    for conversation, tier in (("order-1", "gold"), ("order-2", "silver"), ("other-1", "gold")):
        await service.ok("POST", "/v1/conversations", {"id": conversation, "metadata": {"tier": tier}}, status=201)
    chosen = {"prefix": "order-", "kinds": ["message"], "roles": ["user"], "metadata": {"tier": "gold"}}
    made = await service.subscribe("tickets", receiver, filter=chosen)
    assert made["filter"] == chosen
    for conversation in ("order-1", "order-2", "other-1"):
        await service.say(conversation, "by a bot", sender={"role": "assistant"})
        await service.say(conversation, "by a visitor", sender={"role": "user"})
    await service.ok("PATCH", "/v1/conversations/order-1", {"title": "no message"})
    await service.say("order-1", "the last", sender={"role": "user"})
    await until(lambda: len(receiver.requests) >= 2, "they arrived")
    assert [(event["conversation"], event["entry"]["content"]) for event in events(receiver)] == [
        ("order-1", "by a visitor"),
        ("order-1", "the last"),
    ]


async def test_a_redaction_reaches_what_is_still_queued(service: Caller, receive: Receive) -> None:
    receiver = await receive(answer(503, "Retry-After: 1"), answer(200))
    await service.subscribe("tickets", receiver, filter={"kinds": ["message"]})
    await service.say("room", "secret number", message_id="m1")
    await until(lambda: len(receiver.requests) >= 1, "the first try")
    await service.ok("DELETE", "/v1/conversations/room/messages/m1")
    await until(lambda: len(receiver.requests) >= 2, "the second try")
    first, second = events(receiver)[:2]
    assert first["id"] == second["id"]
    assert second["entry"]["redacted"]
    assert second["entry"]["content"] == ""


async def test_a_deleted_conversation_is_one_event(service: Caller, receive: Receive) -> None:
    receiver = await receive()
    await service.subscribe("tickets", receiver)
    await service.say("room", "one")
    await until(lambda: len(receiver.requests) >= 1, "the entry")
    await service.ok("DELETE", "/v1/conversations/room", status=204)
    await until(lambda: len(receiver.requests) >= 2, "its end")
    await service.ok("POST", "/v1/conversations", {"id": "room"}, status=201)
    await service.say("room", "anew")
    await until(
        lambda: any(event["entry"] and event["entry"]["content"] == "anew" for event in events(receiver)), "new"
    )
    assert [event["type"] for event in events(receiver)][:2] == ["entry", "deleted"]
    assert len({event["id"] for event in events(receiver)}) == len(receiver.requests)


async def test_a_failing_entry_is_shown_and_stops_no_other_conversation(
    service: Caller, receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver = await receive(answer(500))
    made = await service.subscribe("tickets", receiver)
    await service.say("bad", "the content")

    async def failed() -> bool:
        return bool((await service.show("tickets"))["last_error"])

    await until(failed, "the error is shown")
    shown = await service.show("tickets")
    assert shown["last_error"]["reason"] == "The receiver answered 500."
    assert shown["lag"] is not None
    assert "secret" not in shown
    receiver.answers = [answer(200)]
    await service.say("good", "two")
    await until(lambda: any(event["conversation"] == "good" for event in events(receiver)), "the other one")
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("umbral_chat"))
    assert "500" in ours
    for secret in (made["secret"], made["push"]["url"], "the content"):
        assert secret not in ours


async def test_what_fails_for_good_is_given_up_and_the_next_goes_on(start: Start, receive: Receive) -> None:
    service = await start(CORE__CONSUMERS__TRIES="1")
    receiver = await receive(answer(400), answer(200))
    await service.subscribe("tickets", receiver)
    await service.say("room", "poison")
    await service.say("room", "next")
    await until(lambda: len(receiver.requests) >= 2, "the next one")

    async def dead() -> bool:
        return bool((await service.show("tickets"))["dead"] == 1)

    await until(dead, "it is counted")
    assert [event["entry"]["content"] for event in events(receiver)] == ["poison", "next"]


async def test_a_receiver_that_is_gone_ends_it(service: Caller, receive: Receive) -> None:
    receiver = await receive(answer(410))
    await service.subscribe("tickets", receiver)
    await service.say("room", "one")

    async def ended() -> bool:
        return (await service.ask("GET", "/v1/subscriptions/tickets")).status_code == 404

    await until(ended, "it ended")
    await service.say("room", "two")
    assert len(receiver.requests) == 1


async def test_while_it_is_paused_nothing_is_sent_and_nothing_is_lost(service: Caller, receive: Receive) -> None:
    receiver, control = await receive(), await receive()
    await service.subscribe("tickets", receiver)
    await service.subscribe("control", control)
    paused = await service.ok("PATCH", "/v1/subscriptions/tickets", {"paused": True})
    assert paused["paused"]
    await service.say("room", "one")
    await until(lambda: len(control.requests) >= 1, "the other one is sent it")
    assert receiver.requests == []
    await service.ok("PATCH", "/v1/subscriptions/tickets", {"paused": False})
    await until(lambda: len(receiver.requests) >= 1, "it goes on")
    assert [event["entry"]["content"] for event in events(receiver)] == ["one"]


async def test_in_order_of_each_conversation_by_two_instances(start: Start, receive: Receive) -> None:
    here, there = await start(), await start()
    receiver = await receive()
    await here.subscribe("tickets", receiver)

    async def known() -> bool:
        return (await there.show("tickets"))["lag"] is not None

    await until(known, "it runs there, too")

    async def talk(name: str) -> None:
        for number in range(10):
            await (here, there)[number % 2].say(name, str(number))

    names = [f"room-{number}" for number in range(6)]
    await asyncio.gather(*map(talk, names))

    def firsts(name: str) -> list[str]:
        found = [event["entry"]["content"] for event in events(receiver) if event["conversation"] == name]
        return list(dict.fromkeys(found))

    await until(lambda: all(len(firsts(name)) == 10 for name in names), "all arrived")
    assert all(firsts(name) == [str(number) for number in range(10)] for name in names)
