"""A message may have no text where it has something else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Client, entries

SEND = "/v1/conversations/room/messages"
FILE = {"url": "https://files.example.com/1", "name": "photo.jpg", "type": "image/jpeg", "size": 1234}
METADATA = {"attachments": [FILE]}


@pytest.mark.parametrize("text", [{}, {"content": ""}, {"content": None}])
async def test_a_file_needs_no_text(client: Client, text: dict[str, Any]) -> None:
    sent = await client.post(SEND, json={**text, "metadata": METADATA, "client_id": "k"})
    assert sent.status_code == 201, sent.text
    again = await client.post(SEND, json={**text, "metadata": METADATA, "client_id": "k"})
    assert again.status_code == 200
    (entry,) = await entries(client, "room")
    assert (entry["content"], entry["metadata"]) == ("", METADATA)
    assert "redacted" not in entry
    (message,) = (await client.get(SEND)).json()["messages"]
    assert (message["content"], message["metadata"]) == ("", METADATA)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_field"),
        ({"content": None}, "missing_field"),
        ({"content": ""}, "invalid_field"),
        ({"content": "", "metadata": {"attachments": []}}, "invalid_field"),
        ({"content": "", "metadata": {"attachments": [{"name": "photo.jpg"}]}}, "invalid_field"),
        ({"metadata": {"attachments": FILE}}, "missing_field"),
        ({"content": "", "metadata": {"files": [FILE]}}, "invalid_field"),
    ],
)
async def test_nothing_at_all_is_refused_and_told_what_would_do(
    client: Client, body: dict[str, Any], code: str
) -> None:
    answer = await client.post(SEND, json=body)
    found = answer.json()
    assert (answer.status_code, found["code"], found["field"]) == (400, code, "content")
    assert "metadata.attachments" in found["detail"]
    assert await entries(client, "room") == []


async def test_an_edit_may_take_the_text_away_from_a_file(client: Client) -> None:
    sent = (await client.post(SEND, json={"content": "look", "metadata": METADATA})).json()
    message = f"{SEND}/{sent['entry']['message_id']}"
    assert (await client.patch(message, json={"content": ""})).status_code == 400
    assert (await client.patch(message, json={"content": "", "metadata": METADATA})).status_code == 200
    (folded,) = (await client.get(SEND)).json()["messages"]
    assert (folded["content"], folded["metadata"]) == ("", METADATA)


async def test_transcripts_name_the_file(client: Client) -> None:
    await client.post(SEND, json={"metadata": METADATA})
    await client.post(SEND, json={"content": "What is it?", "metadata": METADATA})
    at = SEND.replace("messages", "transcript")
    for form in ("text", "markdown"):
        text = (await client.get(at, params={"format": form})).text
        assert text.count("[photo.jpg]") == 1
        assert text.count("What is it?") == 1
    prompt = json.loads((await client.get(at, params={"format": "openai"})).text)
    assert [message["content"] for message in prompt] == ["[photo.jpg]", "What is it?"]
    whole = json.loads((await client.get(at)).text)
    assert [message["content"] for message in whole["messages"]] == ["", "What is it?"]
