"""Sending, editing, redacting, and the folded history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import msgspec
from umbral_chat.model.entries import Entry, FoldedMessage
from umbral_chat.model.fold import apply
from umbral_chat.settings import Limits

from .conftest import KEYS, Client, entries, send

ROOM = "/v1/conversations/room"


async def test_a_message_is_numbered_and_read_back_byte_for_byte(client: Client) -> None:
    content = "Zwölf Boxkämpfer — 你好, 🎉\u2028\r\n\t\"\\ ' </script> \u202e"
    sent = await send(client, "room", content, sender={"role": "user", "id": "u1", "name": "Ada"}, metadata={"n": [1]})
    assert sent["created"] is True
    assert sent["entry"]["seq"] == 1
    assert sent["cursor"].endswith(".1")
    (entry,) = await entries(client, "room")
    assert entry == sent["entry"]
    assert entry["content"] == content


async def test_a_repeat_is_answered_with_the_first(client: Client) -> None:
    first = await send(client, "room", "once", client_id="k")
    again = await client.post(f"{ROOM}/messages", json={"content": "once"}, headers={"Idempotency-Key": "k"})
    assert again.status_code == 200
    assert again.json() == {**first, "created": False}
    assert len(await entries(client, "room")) == 1


async def test_concurrent_repeats_append_once(client: Client) -> None:
    answers = await asyncio.gather(
        *(client.post(f"{ROOM}/messages", json={"content": "x", "client_id": "same"}) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["entry"]["seq"] for answer in answers}) == 1


async def test_concurrent_sends_are_numbered_without_a_gap(client: Client) -> None:
    await asyncio.gather(*(send(client, "room", f"m{number}") for number in range(60)))
    found = await entries(client, "room")
    assert [entry["seq"] for entry in found] == list(range(1, 61))
    assert {entry["content"] for entry in found} == {f"m{number}" for number in range(60)}


async def test_history_pages_both_ways(client: Client) -> None:
    for number in range(1, 8):
        await send(client, "room", f"m{number}")
    newest = (await client.get(f"{ROOM}/messages", params={"limit": 3})).json()
    assert [one["seq"] for one in newest["messages"]] == [5, 6, 7]
    assert newest["has_more"] is True
    older = (await client.get(f"{ROOM}/messages", params={"limit": 3, "before": 5})).json()
    assert [one["seq"] for one in older["messages"]] == [2, 3, 4]
    oldest = (await client.get(f"{ROOM}/messages", params={"limit": 3, "before": 2})).json()
    assert ([one["seq"] for one in oldest["messages"]], oldest["has_more"]) == ([1], False)
    after = (await client.get(f"{ROOM}/messages", params={"limit": 3, "after": 5})).json()
    assert ([one["seq"] for one in after["messages"]], after["has_more"]) == ([6, 7], False)


async def test_following_from_a_pages_cursor_misses_nothing(client: Client) -> None:
    await send(client, "room", "before")
    page = (await client.get(f"{ROOM}/messages")).json()
    await send(client, "room", "after")
    follow = (await client.get(f"{ROOM}/events", params={"after": page["cursor"]})).json()
    assert [entry["content"] for entry in follow["entries"]] == ["after"]


async def test_entries_applied_to_a_stale_copy_equal_a_fresh_read(client: Client) -> None:
    ids = [(await send(client, "room", f"m{number}"))["entry"]["message_id"] for number in range(4)]
    stale = (await client.get(f"{ROOM}/messages")).json()
    copy = {one["message_id"]: msgspec.convert(one, FoldedMessage) for one in stale["messages"]}
    await client.patch(f"{ROOM}/messages/{ids[0]}", json={"content": "edited", "metadata": {"by": "me"}})
    await client.patch(f"{ROOM}/messages/{ids[1]}", json={"content": "edited, then gone"})
    await client.delete(f"{ROOM}/messages/{ids[1]}")
    await send(client, "room", "new")
    follow = (await client.get(f"{ROOM}/events", params={"after": stale["cursor"]})).json()
    apply(copy, msgspec.convert(follow["entries"], list[Entry]))
    fresh = (await client.get(f"{ROOM}/messages")).json()
    assert sorted(copy.values(), key=lambda one: one.seq) == msgspec.convert(fresh["messages"], list[FoldedMessage])
    assert fresh["cursor"] == follow["cursor"]


async def test_a_redaction_blanks_every_way_of_reading(client: Client) -> None:
    secret = "the-text-that-must-go"
    sent = await send(client, "room", secret, client_id="k")
    message = sent["entry"]["message_id"]
    await client.patch(f"{ROOM}/messages/{message}", json={"content": f"{secret}, edited"})
    await client.get(f"{ROOM}/events")  # now it is in the tail cache, too
    answer = await client.delete(f"{ROOM}/messages/{message}")
    assert answer.status_code == 200
    repeat = await client.post(f"{ROOM}/messages", json={"content": secret, "client_id": "k"})
    readings = [
        await client.get(f"{ROOM}/events"),
        await client.get(f"{ROOM}/messages"),
        await client.get(ROOM),
        await client.get("/v1/conversations"),
        *[await client.get(f"{ROOM}/transcript?format={form}") for form in ("json", "markdown", "text", "openai")],
        repeat,
    ]
    assert not [reading.url for reading in readings if secret in reading.text]
    blanked = readings[0].json()["entries"]
    assert [(entry["seq"], entry["kind"], entry.get("redacted", False)) for entry in blanked] == [
        (1, "message", True),
        (2, "edit", True),
        (3, "redaction", False),
    ]


async def test_a_second_redaction_is_the_first(client: Client) -> None:
    message = (await send(client, "room", "x"))["entry"]["message_id"]
    first = (await client.delete(f"{ROOM}/messages/{message}")).json()
    again = (await client.delete(f"{ROOM}/messages/{message}")).json()
    assert (again["entry"], again["created"]) == (first["entry"], False)


async def test_an_edit_of_a_redacted_message_is_refused(client: Client) -> None:
    message = (await send(client, "room", "x"))["entry"]["message_id"]
    await client.delete(f"{ROOM}/messages/{message}")
    answer = await client.patch(f"{ROOM}/messages/{message}", json={"content": "y"})
    assert (answer.status_code, answer.json()["code"]) == (409, "message_redacted")


async def test_a_key_without_send_as_speaks_as_itself(keyed: Client) -> None:
    bot = {"authorization": f"Bearer {KEYS[2]['key']}"}
    answer = await keyed.post(f"{ROOM}/messages", json={"content": "x"}, headers=bot)
    assert answer.json()["entry"]["sender"] == {"role": "user", "id": "bot"}
    refused = await keyed.post(f"{ROOM}/messages", json={"content": "x", "sender": {"role": "system"}}, headers=bot)
    assert refused.json()["code"] == "may_not_speak_as"


async def test_visitors_are_held_to_a_rate_and_told_when_to_come_again(
    start: Callable[..., Awaitable[Client]],
) -> None:
    assert Limits().sends_per_second > 0, "they are held to one without anybody's doing"
    # A rate at which nothing is earned while the test runs, however slow the machine is.
    limits = {"core__limits__sends_burst": "20", "core__limits__sends_per_second": "0.01"}
    keyed = await start(core__keys=json.dumps(KEYS), **limits)
    keyed.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
    token = (await keyed.post("/v1/tokens", json={"conversation": "room", "subject": "v"})).json()["token"]
    visitor = {"authorization": f"Bearer {token}"}
    answers = [await keyed.post(f"{ROOM}/messages", json={"content": "x"}, headers=visitor) for _ in range(25)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [429] * 5
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert len(await entries(keyed, "room")) == 20
