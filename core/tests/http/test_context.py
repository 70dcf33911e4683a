"""`GET …/context`: the newest messages for a prompt."""

from __future__ import annotations

from .conftest import Client, send

ROOM = "/v1/conversations/room"


async def test_it_has_what_a_prompt_needs_and_nothing_else(client: Client) -> None:
    await send(client, "room", "Where is my parcel?", message_id="m1", sender={"role": "user", "id": "ada"})
    await send(client, "room", "It was sent yesterdey.", message_id="m2", sender={"role": "assistant"})
    await send(client, "room", "my password", message_id="m3")
    await send(client, "room", "I look.", message_id="m4", sender={"role": "agent", "id": "desk"})
    await send(client, "internal:room", "a note")
    assert (await client.patch(f"{ROOM}/messages/m2", json={"content": "It was sent yesterday."})).is_success
    assert (await client.delete(f"{ROOM}/messages/m3")).is_success
    draft = {"message_id": "m5", "offset": 0, "text": "One mo", "sender": {"role": "assistant"}}
    assert (await client.post(f"{ROOM}/drafts", json=draft)).is_success
    answer = (await client.get(f"{ROOM}/context")).json()
    expected = [
        {"role": "user", "content": "Where is my parcel?"},
        {"role": "assistant", "content": "It was sent yesterday."},
        {"role": "assistant", "content": "I look."},
    ]
    assert answer["messages"] == expected
    assert (answer["tokens"], answer["has_more"]) == (3 * 4 + 5 + 6 + 2, False)
    short = (await client.get(f"{ROOM}/context", params={"format": "langchain", "tokens": 16})).json()
    assert short["messages"] == [{"type": "ai", "content": one["content"]} for one in expected[1:]]
    assert (short["tokens"], short["has_more"]) == (16, True)
    earlier = (await client.get(f"{ROOM}/context", params={"messages": 1, "before": 2})).json()
    assert (earlier["messages"], earlier["has_more"]) == (expected[:1], False)
    none = (await client.get(f"{ROOM}/context", params={"tokens": 1})).json()
    assert (none["messages"], none["has_more"]) == ([], True)


async def test_an_unchanged_one_is_not_sent_again(client: Client) -> None:
    await send(client, "room", "hi")
    first = await client.get(f"{ROOM}/context")
    again = {"if-none-match": first.headers["etag"]}
    assert (await client.get(f"{ROOM}/context", headers=again)).status_code == 304
    assert (await client.get(f"{ROOM}/context", headers=again, params={"format": "langchain"})).status_code == 200
    await send(client, "room", "there")
    assert (await client.get(f"{ROOM}/context", headers=again)).status_code == 200


async def test_its_bounds_are_named_and_an_unknown_conversation_is_empty(client: Client) -> None:
    for field, value in [("messages", 0), ("messages", 501), ("tokens", 0), ("before", -1), ("tokens", 10**7)]:
        answer = await client.get(f"{ROOM}/context", params={field: value})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "invalid_field", field)
    assert (await client.get(f"{ROOM}/context", params={"format": "pdf"})).status_code == 400
    assert (await client.get("/v1/conversations/unknown/context")).json() == {
        "messages": [],
        "tokens": 0,
        "has_more": False,
        "cursor": "0",
    }


async def test_a_long_conversation_is_read_as_far_as_needed(client: Client) -> None:
    for number in range(230):
        await send(client, "room", f"message {number}")
    found = (await client.get(f"{ROOM}/context", params={"messages": 220})).json()
    assert [one["content"] for one in found["messages"]] == [f"message {number}" for number in range(10, 230)]
    assert found["has_more"]
