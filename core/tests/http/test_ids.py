"""Ids of the trade in paths and bodies, percent-encoded as each kind of client does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from umbral_chat.model.ids import encode_id
from umbral_chat.testing.history.naming import MESSAGES, ROOMS

from .conftest import Client

WAYS: dict[str, Callable[[str], str]] = {
    "encodeURIComponent": lambda value: quote(value, safe="!'()*-._~"),
    "everything": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "lower-case": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "as it is": lambda value: value,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("named", ROOMS)
async def test_a_conversation_has_its_platforms_id(client: Client, named: str, way: str) -> None:
    conversation, message = encode_id(named), encode_id(MESSAGES[0])
    at = f"/v1/conversations/{WAYS[way](conversation)}"
    sent = await client.post(f"{at}/messages", json={"content": "hello", "message_id": message})
    assert sent.status_code == 201, sent.text
    edited = await client.patch(f"{at}/messages/{WAYS[way](message)}", json={"content": "hello again"})
    assert edited.status_code == 200, edited.text
    one = (await client.get(at)).json()
    assert (one["id"], one["head"]) == (conversation, 2)
    inbox = (await client.get("/v1/conversations")).json()["conversations"]
    assert [each["id"] for each in inbox] == [conversation]
    polled = (await client.get(f"{at}/events", params={"after": "0"})).json()["entries"]
    assert [entry["message_id"] for entry in polled] == [message, message]
    redacted = await client.delete(f"{at}/messages/{WAYS[way](message)}")
    assert redacted.status_code == 200, redacted.text
    assert (await client.delete(at)).status_code == 204


@pytest.mark.parametrize("named", ROOMS)
async def test_a_token_and_the_inbox_take_it_too(keyed: Client, named: str) -> None:
    conversation = encode_id(named)
    made = await keyed.post("/v1/conversations", json={"id": conversation, "title": named})
    assert made.status_code == 201, made.text
    issued = await keyed.post("/v1/tokens", json={"conversation": conversation, "subject": named})
    assert issued.status_code == 201, issued.text
    visitor = {"authorization": f"Bearer {issued.json()['token']}"}
    at = f"/v1/conversations/{quote(conversation, safe='')}/messages"
    assert (await keyed.post(at, json={"content": "x"}, headers=visitor)).status_code == 201
    text = (await keyed.get(at.replace("/messages", "/transcript"), headers=visitor)).text
    assert json.loads(text)["conversation"] == conversation


async def test_the_refusal_says_how_other_characters_are_written(client: Client) -> None:
    for body in ({"id": "spaces/AAAA"}, {"id": "a b"}):
        found = (await client.post("/v1/conversations", json=body)).json()
        assert found["code"] == "invalid_conversation_id"
        assert "~2F" in found["detail"]
    found = (await client.post("/v1/conversations/room/messages", json={"content": "x", "message_id": "a/b"})).json()
    assert (found["code"], found["field"]) == ("invalid_field", "message_id")
    assert "~2F" in found["detail"]
