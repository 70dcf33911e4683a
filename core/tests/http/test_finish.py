"""How the writing of a message ended, over HTTP: who may say so, and how an interrupted message is completed."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import KEYS, Client, entries

ROOM = "/v1/conversations/room"
N8N = {"authorization": f"Bearer {KEYS[0]['key']}"}
BOT = {"authorization": f"Bearer {KEYS[2]['key']}"}
CUT = {"content": "The answ", "message_id": "m", "finish": "interrupted", "sender": {"role": "assistant"}}


async def visitor(client: Client) -> dict[str, str]:
    answer = await client.post("/v1/tokens", json={"conversation": "room", "subject": "v"}, headers=N8N)
    return {"authorization": f"Bearer {answer.json()['token']}"}


@pytest.mark.parametrize("finish", ["cancelled", "failed", "interrupted"])
async def test_a_service_that_speaks_for_others_says_how_its_message_ended(client: Client, finish: str) -> None:
    sent = await client.post(f"{ROOM}/messages", json=CUT | {"finish": finish})
    assert (sent.status_code, sent.json()["entry"]["finish"]) == (201, finish)
    (shown,) = (await client.get(f"{ROOM}/messages")).json()["messages"]
    assert shown["finish"] == finish
    assert (await client.get(ROOM)).json()["last_message"]["finish"] == finish
    edited = await client.patch(f"{ROOM}/messages/m", json={"content": "The answer"})
    assert "finish" not in edited.json()["entry"]
    (shown,) = (await client.get(f"{ROOM}/messages")).json()["messages"]
    assert "finish" not in shown


async def test_another_word_is_refused(client: Client) -> None:
    answer = await client.post(f"{ROOM}/messages", json=CUT | {"finish": "tired"})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "invalid_field", "finish")
    edit = await client.post(f"{ROOM}/messages", json={"content": "x", "message_id": "m"})
    assert edit.status_code == 201
    refused = await client.patch(f"{ROOM}/messages/m", json={"content": "y", "finish": "failed"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_field")


async def test_nobody_else_says_so(keyed: Client) -> None:
    for headers in (BOT, await visitor(keyed)):
        said = await keyed.post(f"{ROOM}/messages", json={"content": "x", "finish": "failed"}, headers=headers)
        problem = said.json()
        assert (said.status_code, problem["code"], problem["field"], problem["right"]) == (
            403,
            "forbidden",
            "finish",
            "send_as",
        )
    assert await keyed.get(f"{ROOM}/events", headers=N8N) is not None
    assert (await keyed.get(f"{ROOM}/messages", headers=N8N)).json()["messages"] == []


async def test_its_author_completes_an_interrupted_message_and_another_does_not(keyed: Client) -> None:
    assert (await keyed.post(f"{ROOM}/messages", json=CUT, headers=N8N)).status_code == 201
    rest = {"content": "The answer", "message_id": "m"}
    for headers in (BOT, await visitor(keyed)):
        refused = await keyed.post(f"{ROOM}/messages", json=rest, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "message_id_taken")
    bot: dict[str, Any] = {"sender": {"role": "assistant"}, "client_id": "k"}
    for created in (True, False):
        done = await keyed.post(f"{ROOM}/messages", json=rest | bot, headers=N8N)
        told = done.json()
        assert (done.status_code, told["created"]) == (200, created)
        assert (told["entry"]["kind"], told["entry"]["seq"], told["entry"]["client_id"]) == ("edit", 2, "k")
    (shown,) = (await keyed.get(f"{ROOM}/messages", headers=N8N)).json()["messages"]
    assert (shown["content"], shown["version"], "finish" in shown) == ("The answer", 2, False)


async def test_a_transcript_says_that_an_answer_was_cut(client: Client) -> None:
    await client.post(f"{ROOM}/messages", json=CUT)
    read = {
        form: (await client.get(f"{ROOM}/transcript", params={"format": form})).text for form in ("text", "markdown")
    }
    assert "assistant (interrupted): The answ" in read["text"]
    assert " UTC (interrupted)\n" in read["markdown"]
    prompt = (await client.get(f"{ROOM}/transcript", params={"format": "openai"})).json()
    assert prompt == [{"role": "assistant", "content": "The answ"}]


async def test_an_import_keeps_it(client: Client) -> None:
    entry = {"kind": "message", "at": "2020-01-02T03:04:05Z", "message_id": "m", "sender": {"role": "assistant"}}
    answer = await client.post(f"{ROOM}/entries", json=entry | {"content": "The answ", "finish": "interrupted"})
    assert answer.status_code == 201, answer.text
    edit = {"kind": "edit", "at": "2020-01-02T03:04:06Z", "message_id": "m", "sender": {"role": "assistant"}}
    refused = await client.post(f"{ROOM}/entries", json=edit | {"content": "x", "finish": "failed"})
    assert (refused.status_code, refused.json()["field"]) == (400, "finish")
    (found,) = await entries(client, "room")
    assert found["finish"] == "interrupted"
