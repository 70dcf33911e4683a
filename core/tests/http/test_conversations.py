"""Conversations as a whole: making, changing, deleting, the inbox, read markers, drafts, connect."""

from __future__ import annotations

from .conftest import Client, entries, send

ROOM = "/v1/conversations/room"


async def test_one_that_was_never_made_reads_as_an_empty_log(client: Client) -> None:
    events = (await client.get(f"{ROOM}/events")).json()
    assert (events["entries"], events["cursor"], events["head"], events["has_more"]) == ([], "0", 0, False)
    page = (await client.get(f"{ROOM}/messages")).json()
    assert (page["messages"], page["cursor"]) == ([], "0")
    assert (await client.get(f"{ROOM}/transcript", params={"format": "openai"})).json() == []
    assert (await client.post(f"{ROOM}/connect")).json()["cursor"] == "0"


async def test_making_updating_and_reading_one(client: Client) -> None:
    made = await client.post("/v1/conversations", json={"id": "room", "title": "Order 7", "metadata": {"order": 7}})
    assert made.status_code == 201
    updated = await client.post("/v1/conversations", json={"id": "room", "title": "Order 8"})
    assert (updated.status_code, updated.json()["title"], updated.json()["metadata"]) == (200, "Order 8", {"order": 7})
    changes = {"status": "closed", "responder": "human", "realtime": "off", "metadata": None}
    patched = (await client.patch(ROOM, json=changes)).json()
    assert (patched["status"], patched["responder"], patched["realtime"]) == ("closed", "human", "off")
    assert "metadata" not in patched
    assert (await client.get(ROOM)).json() == patched
    log = await entries(client, "room")
    assert [entry["kind"] for entry in log] == ["update"] * 3
    assert log[2]["changes"] == changes


async def test_an_id_is_drawn_when_none_is_given(client: Client) -> None:
    one, two = [(await client.post("/v1/conversations", json={})).json()["id"] for _ in range(2)]
    assert one != two
    assert await entries(client, one) == []


async def test_a_user_who_writes_reopens_a_closed_one(client: Client) -> None:
    await send(client, "room", "hello")
    await client.patch(ROOM, json={"status": "closed"})
    await send(client, "room", "a word of the assistant", sender={"role": "assistant"})
    assert (await client.get(ROOM)).json()["status"] == "closed"
    await send(client, "room", "still there?", sender={"role": "user"})
    assert (await client.get(ROOM)).json()["status"] == "open"
    assert [entry["kind"] for entry in await entries(client, "room")][-2:] == ["message", "update"]


async def test_deletion_revival_and_what_old_tokens_are_worth(keyed: Client) -> None:
    token = (await keyed.post("/v1/tokens", json={"conversation": "room", "subject": "v"})).json()["token"]
    visitor = {"authorization": f"Bearer {token}"}
    assert (await keyed.post(f"{ROOM}/messages", json={"content": "x"}, headers=visitor)).status_code == 201
    assert (await keyed.delete(ROOM)).status_code == 204
    for answer in (
        await keyed.get(f"{ROOM}/events"),
        await keyed.get(f"{ROOM}/messages"),
        await keyed.get(ROOM),
        await keyed.post(f"{ROOM}/messages", json={"content": "late retry"}),
        await keyed.post(f"{ROOM}/connect"),
        await keyed.get(f"{ROOM}/events", headers=visitor),
    ):
        assert (answer.status_code, answer.json()["code"]) == (410, "conversation_deleted")
        assert answer.json()["reconnect"] is False
    revived = await keyed.post("/v1/conversations", json={"id": "room"})
    assert revived.status_code == 201
    await send(keyed, "room", "for others' eyes")
    for answer in (
        await keyed.get(f"{ROOM}/events", headers=visitor),
        await keyed.get(f"{ROOM}/messages", headers=visitor),
        await keyed.get(f"{ROOM}/transcript", headers=visitor),
        await keyed.get(ROOM, headers=visitor),
        await keyed.post(f"{ROOM}/connect", headers=visitor),
        await keyed.post(f"{ROOM}/messages", json={"content": "x"}, headers=visitor),
        await keyed.post(f"{ROOM}/read", json={"seq": 1}, headers=visitor),
        await keyed.post(f"{ROOM}/drafts", json={"message_id": "m", "offset": 0, "text": "x"}, headers=visitor),
    ):
        assert (answer.status_code, answer.json()["code"]) == (410, "conversation_deleted"), answer.url


async def test_the_inbox_is_paged_by_last_activity(client: Client) -> None:
    for name in ("a", "b", "c", "d"):
        await send(client, name, f"in {name}")
    await send(client, "a", "again")
    first = (await client.get("/v1/conversations", params={"limit": 3})).json()
    assert [one["id"] for one in first["conversations"]] == ["a", "d", "c"]
    assert first["conversations"][0]["last_message"]["content"] == "again"
    second = (await client.get("/v1/conversations", params={"limit": 3, "before": first["before"]})).json()
    assert ([one["id"] for one in second["conversations"]], second["before"]) == (["b"], None)


async def test_an_inbox_in_which_nothing_happened_is_a_304(client: Client) -> None:
    await send(client, "room", "x")
    etag = (await client.get("/v1/conversations")).headers["etag"]
    assert (await client.get("/v1/conversations", headers={"if-none-match": etag})).status_code == 304
    await send(client, "room", "y")
    assert (await client.get("/v1/conversations", headers={"if-none-match": etag})).status_code == 200


async def test_a_read_marker_only_rises_and_counts_what_others_wrote(keyed: Client) -> None:
    token = (await keyed.post("/v1/tokens", json={"conversation": "room", "subject": "v"})).json()["token"]
    visitor = {"authorization": f"Bearer {token}"}
    for number in range(4):
        await send(keyed, "room", f"m{number}")
    await keyed.post(f"{ROOM}/messages", json={"content": "my own"}, headers=visitor)
    assert (await keyed.get(ROOM, headers=visitor)).json()["unread"] == 4
    assert (await keyed.post(f"{ROOM}/read", json={"seq": 3}, headers=visitor)).json() == {"seq": 3}
    assert (await keyed.post(f"{ROOM}/read", json={"seq": 1}, headers=visitor)).json() == {"seq": 3}
    assert (await keyed.get(ROOM, headers=visitor)).json()["unread"] == 1
    assert (await keyed.post(f"{ROOM}/read", json={"seq": 999}, headers=visitor)).json() == {"seq": 5}


async def test_a_draft_grows_is_shown_whole_and_ends_with_its_entry(client: Client) -> None:
    draft = {"message_id": "m1", "offset": 0, "text": "Hel", "sender": {"role": "assistant"}}
    assert (await client.post(f"{ROOM}/drafts", json=draft)).json() == {"message_id": "m1", "length": 3}
    assert (await client.post(f"{ROOM}/drafts", json={**draft, "offset": 3, "text": "lo 🎉"})).json()["length"] == 7
    (shown,) = (await client.get(f"{ROOM}/events")).json()["drafts"]
    assert (shown["message_id"], shown["offset"], shown["text"]) == ("m1", 0, "Hello 🎉")
    gap = await client.post(f"{ROOM}/drafts", json={**draft, "offset": 9, "text": "!"})
    assert (gap.status_code, gap.json()["code"], gap.json()["expected"]) == (409, "draft_offset", 7)
    await send(client, "room", "Hello 🎉", message_id="m1", sender={"role": "assistant"})
    assert (await client.get(f"{ROOM}/events")).json()["drafts"] == []
    late = await client.post(f"{ROOM}/drafts", json=draft)
    assert (late.status_code, late.json()["code"]) == (409, "draft_ended")


async def test_the_transcript_in_its_four_formats(client: Client) -> None:
    await send(client, "room", "Where is it?", sender={"role": "user", "name": "Ada"})
    gone = (await send(client, "room", "oops", sender={"role": "assistant"}))["entry"]["message_id"]
    await client.delete(f"{ROOM}/messages/{gone}")
    await send(client, "room", "On its way.", sender={"role": "agent", "name": "Bo"})

    async def read(form: str) -> str:
        answer = await client.get(f"{ROOM}/transcript", params={"format": form})
        assert answer.status_code == 200
        return answer.text

    whole = (await client.get(f"{ROOM}/transcript")).json()
    assert (whole["conversation"], [one["seq"] for one in whole["messages"]]) == ("room", [1, 2, 4])
    assert whole["cursor"].endswith(".4")
    assert "**Ada**" in await read("markdown")
    assert (await read("text")).splitlines()[1].endswith("assistant (redacted)")
    assert await read("openai") == (
        '[{"role":"user","content":"Where is it?"},{"role":"assistant","content":"On its way."}]'
    )


async def test_a_long_transcript_is_whole(client: Client) -> None:
    import asyncio

    for begin in range(0, 450, 50):  # more at once than a store takes are refused
        await asyncio.gather(*(send(client, "room", f"m{number}") for number in range(begin, begin + 50)))
    found = (await client.get(f"{ROOM}/transcript")).json()["messages"]
    assert [one["seq"] for one in found] == list(range(1, 451))
