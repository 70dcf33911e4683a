"""Runs over HTTP: the calls of a workflow, what readers see of them, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from umbral_chat.model.runs import LABEL_LIMIT, METADATA_BYTES

from .conftest import KEYS, Client, entries, send
from .test_bounds import refused, token

Start = Callable[..., Awaitable[Client]]

ROOM = "/v1/conversations/room"
RUNS = f"{ROOM}/runs"
RUN = f"{RUNS}/r1"


@pytest.fixture
async def n8n(start: Start) -> Client:
    """A service with keys, asked by one that may do all."""
    client = await start(core__keys=json.dumps(KEYS))
    client.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
    return client


async def events(client: Client, after: str = "0", **params: Any) -> dict[str, Any]:
    answer = await client.get(f"{ROOM}/events", params={"after": after, **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_run_from_its_start_to_its_end(n8n: Client) -> None:
    await send(n8n, "room", "a question")
    made = await n8n.post(RUNS, json={"run_id": "r1", "for_seq": 1, "message_id": "m1"})
    assert (made.status_code, made.json()) == (201, {"run_id": "r1", "created": True})
    again = await n8n.post(RUNS, json={"run_id": "r1", "for_seq": 1, "message_id": "m1"})
    assert (again.status_code, again.json()) == (200, {"run_id": "r1", "created": False})
    body = {"state": "tool", "label": "Looking up order 1138", "ttl": 60, "execution_id": "4711"}
    progress = await n8n.post(f"{RUN}/progress", json=body)
    assert (progress.status_code, progress.json()) == (
        200,
        {"run_id": "r1", "cancel_requested": False, "cancel_reason": None},
    )
    (run,) = (await events(n8n))["runs"]
    assert run.pop("started_at") < run.pop("expires_at")
    assert run == {
        "run_id": "r1",
        "state": "tool",
        "label": "Looking up order 1138",
        "for_seq": 1,
        "message_id": "m1",
        "sender": {"role": "assistant"},
        "execution_id": "4711",
    }
    connected = (await n8n.post(f"{ROOM}/connect")).json()
    assert [one["run_id"] for one in connected["runs"]] == ["r1"]
    await send(n8n, "room", "an answer", message_id="m1", sender={"role": "assistant"})
    ended = await n8n.post(f"{RUN}/end", json={"outcome": "completed"})
    assert (ended.status_code, ended.json()["outcome"], ended.json()["seq"]) == (200, "completed", None)
    assert (await n8n.post(f"{RUN}/end", json={"outcome": "completed"})).json() == ended.json()
    assert (await events(n8n))["runs"] == []
    assert [entry["kind"] for entry in await entries(n8n, "room")] == ["message", "message"]


async def test_one_that_fails_leaves_an_entry_that_changes_no_message(n8n: Client) -> None:
    await send(n8n, "room", "a question")
    before = (await n8n.get(ROOM)).json()
    await n8n.post(RUNS, json={"run_id": "r1", "for_seq": 1, "metadata": {"execution": 7}})
    ended = await n8n.post(f"{RUN}/end", json={"outcome": "failed", "reason": "model_timeout"})
    assert ended.json()["seq"] == 2
    (entry,) = (await entries(n8n, "room"))[1:]
    assert entry.pop("at")
    assert entry == {
        "kind": "run",
        "seq": 2,
        "sender": {"role": "assistant"},
        "client_id": "run:r1",
        "run_id": "r1",
        "outcome": "failed",
        "reason": "model_timeout",
        "for_seq": 1,
        "metadata": {"execution": 7},
    }
    after = (await n8n.get(ROOM)).json()
    assert (after["last_message"], after["unread"]) == (before["last_message"], before["unread"])
    transcripts = [(await n8n.get(f"{ROOM}/transcript", params={"format": form})).text for form in ("text", "openai")]
    assert not any("model_timeout" in text for text in transcripts)
    refused(await n8n.post(f"{RUN}/end", json={"outcome": "completed"}), 409, "run_ended")
    answer = await n8n.post(f"{RUN}/progress", json={"state": "writing"})
    refused(answer, 409, "run_ended")
    assert (answer.json()["outcome"], answer.json()["reason"]) == ("failed", "model_timeout")
    refused(await n8n.post(f"{RUNS}/r2/progress", json={"state": "writing"}), 404, "unknown_run")


async def test_a_long_poll_ends_with_a_change_of_runs_and_its_version_tells_it(n8n: Client) -> None:
    await send(n8n, "room", "a question")
    first = await events(n8n)
    poll = asyncio.create_task(events(n8n, first["cursor"], wait=30, signals=first["signals"]))
    await asyncio.sleep(0.2)
    assert not poll.done()
    await n8n.post(RUNS, json={"run_id": "r1"})
    answer = await asyncio.wait_for(poll, 20)
    assert [run["run_id"] for run in answer["runs"]] == ["r1"]
    assert answer["signals"] != first["signals"]
    # One that begins before the next poll is answered within a second.
    await n8n.post(f"{RUN}/progress", json={"state": "writing"})
    later = await asyncio.wait_for(events(n8n, first["cursor"], wait=30, signals=answer["signals"]), 20)
    assert [run["state"] for run in later["runs"]] == ["writing"]


async def test_an_etag_covers_the_runs(n8n: Client) -> None:
    await send(n8n, "room", "a question")

    async def poll(tag: str | None = None) -> tuple[int, str]:
        headers = {} if tag is None else {"If-None-Match": tag}
        answer = await n8n.get(f"{ROOM}/events", params={"after": "0"}, headers=headers)
        return answer.status_code, answer.headers["etag"]

    _, tag = await poll()
    assert (await poll(tag))[0] == 304
    await n8n.post(RUNS, json={"run_id": "r1"})
    status, tag = await poll(tag)
    assert (status, (await poll(tag))[0]) == (200, 304)


async def test_a_progress_ends_by_itself(n8n: Client) -> None:
    await n8n.post(RUNS, json={"run_id": "r1"})
    await n8n.post(f"{RUN}/progress", json={"state": "tool", "label": "x", "ttl": 4})
    first = await events(n8n)
    assert [run["state"] for run in first["runs"]] == ["tool"]
    (run,), signals = first["runs"], first["signals"]
    async with asyncio.timeout(20):
        while run["state"] == "tool":  # a poll may end for another signal before
            answer = await events(n8n, wait=30, signals=signals)
            (run,), signals = answer["runs"], answer["signals"]
    assert (run["state"], "label" in run, "expires_at" in run) == ("started", False, False)


async def test_a_run_that_writes_shows_its_assistant_as_typing(n8n: Client) -> None:
    bot = {"role": "assistant", "name": "Bot"}

    async def typing() -> list[str]:
        return [one["name"] for one in (await events(n8n))["typing"]]

    for run_id in ("r1", "r2"):
        await n8n.post(RUNS, json={"run_id": run_id, "sender": bot})
        await n8n.post(f"{RUNS}/{run_id}/progress", json={"state": "writing"})
    assert await typing() == ["Bot"]
    await n8n.post(f"{RUN}/progress", json={"state": "waiting"})
    assert await typing() == ["Bot"], "the other run still writes"
    await n8n.post(f"{RUNS}/r2/end", json={"outcome": "failed"})
    assert await typing() == []
    await n8n.post(f"{RUN}/progress", json={"state": "writing"})
    assert await typing() == ["Bot"]
    await send(n8n, "room", "an answer", sender=bot)
    assert await typing() == []


async def test_only_who_may_speak_for_others_begins_reports_and_ends_runs(n8n: Client) -> None:
    await send(n8n, "room", "a question", sender={"role": "user", "id": "visitor"})
    await n8n.post(RUNS, json={"run_id": "r1", "for_seq": 1})
    calls = {RUNS: {}, f"{RUN}/progress": {"state": "writing"}, f"{RUN}/end": {"outcome": "failed"}}
    visitor = await token(n8n)
    for headers in (visitor, {"authorization": f"Bearer {KEYS[2]['key']}"}):
        for path, body in calls.items():
            answer = await n8n.post(path, json=body, headers=headers)
            refused(answer, 403, "forbidden")
            assert answer.json()["right"] == "send_as"


async def test_the_sender_of_the_question_and_moderators_may_cancel(n8n: Client) -> None:
    await send(n8n, "room", "a question", sender={"role": "user", "id": "visitor"})
    await n8n.post(RUNS, json={"run_id": "r1", "for_seq": 1})
    other, reader = await token(n8n, "other"), {"authorization": f"Bearer {KEYS[1]['key']}"}
    refused(await n8n.post(f"{RUN}/cancel", json={}, headers=other), 403, "not_your_run")
    refused(await n8n.post(f"{RUN}/cancel", json={}, headers=reader), 403, "forbidden")
    answer = await n8n.post(f"{RUN}/cancel", json={"reason": "never mind"}, headers=await token(n8n))
    assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)
    assert [run["cancel_requested"] for run in (await events(n8n))["runs"]] == [True]
    assert (await n8n.post(f"{RUN}/cancel", json={})).status_code == 202
    progress = (await n8n.post(f"{RUN}/progress", json={"state": "writing"})).json()
    assert progress == {"run_id": "r1", "cancel_requested": True, "cancel_reason": "never mind"}
    await n8n.post(f"{RUN}/end", json={"outcome": "cancelled"})
    assert (await entries(n8n, "room"))[-1]["reason"] == "never mind"
    refused(await n8n.post(f"{RUN}/cancel", json={}), 409, "run_ended")


async def test_a_token_of_an_earlier_log_cancels_nothing(n8n: Client) -> None:
    await send(n8n, "room", "a question", sender={"role": "user", "id": "visitor"})
    visitor = await token(n8n)
    assert (await n8n.delete(ROOM)).is_success
    refused(await n8n.post(RUNS, json={}), 410, "conversation_deleted")
    await n8n.post("/v1/conversations", json={"id": "room"})
    await send(n8n, "room", "another's question", sender={"role": "user", "id": "visitor"})
    assert (await n8n.post(RUNS, json={"run_id": "r1", "for_seq": 1})).status_code == 201
    refused(await n8n.post(f"{RUN}/cancel", json={}, headers=visitor), 410, "conversation_deleted")


async def test_a_deleted_conversation_takes_its_runs_with_it(n8n: Client) -> None:
    await send(n8n, "room", "a question")
    await n8n.post(RUNS, json={"run_id": "r1"})
    assert (await n8n.delete(ROOM)).is_success
    await n8n.post("/v1/conversations", json={"id": "room"})
    assert (await events(n8n))["runs"] == []
    refused(await n8n.post(f"{RUN}/end", json={"outcome": "failed"}), 404, "unknown_run")


@pytest.mark.parametrize(
    ("path", "body", "code", "field"),
    [
        ("", {"run_id": "a/b"}, "invalid_field", "run_id"),
        ("", {"run_id": "x" * 129}, "invalid_field", "run_id"),
        ("", {"for_seq": 0}, "invalid_field", "for_seq"),
        ("", {"for_seq": 2**54}, "invalid_field", "for_seq"),
        ("", {"message_id": ""}, "invalid_field", "message_id"),
        ("", {"sender": {"role": "robot"}}, "invalid_field", "sender.role"),
        ("", {"metadata": {"x": "y" * METADATA_BYTES}}, "metadata_too_large", "metadata"),
        ("", {"metadata": {"x": "\0"}}, "nul_character", "metadata"),
        ("", {"priority": 1}, "unknown_field", "priority"),
        ("/r1/progress", {}, "missing_field", "state"),
        ("/r1/progress", {"state": "started"}, "invalid_field", "state"),
        ("/r1/progress", {"state": "tool", "label": ""}, "invalid_field", "label"),
        ("/r1/progress", {"state": "tool", "label": "x" * (LABEL_LIMIT + 1)}, "invalid_field", "label"),
        ("/r1/progress", {"state": "tool", "label": "two\nlines"}, "invalid_field", "label"),
        ("/r1/progress", {"state": "tool", "label": "\0"}, "nul_character", "label"),
        ("/r1/progress", {"state": "tool", "ttl": 0.9}, "invalid_field", "ttl"),
        ("/r1/progress", {"state": "tool", "ttl": 601}, "invalid_field", "ttl"),
        ("/r1/progress", {"state": "tool", "execution_id": "x" * 129}, "invalid_field", "execution_id"),
        ("/r1/end", {"outcome": "lost"}, "invalid_field", "outcome"),
        ("/r1/end", {"outcome": "failed", "reason": "x" * 201}, "invalid_field", "reason"),
        ("/r1/cancel", {"reason": "\x1b[2J"}, "invalid_field", "reason"),
        ("/r1~x/../end", {"outcome": "failed"}, None, None),
    ],
)
async def test_what_cannot_be_is_refused(
    client: Client, path: str, body: dict[str, Any], code: str | None, field: str | None
) -> None:
    await client.post(RUNS, json={"run_id": "r1"})
    before = (await events(client))["runs"]
    answer = await client.post(f"{RUNS}{path}", json=body)
    assert answer.is_client_error, answer.text
    if code is not None:
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, field), answer.text
    assert (await events(client))["runs"] == before


async def test_a_conversation_has_so_many_runs_at_once(start: Start) -> None:
    client = await start(core__limits__runs="2")
    for run_id in ("a", "b"):
        assert (await client.post(RUNS, json={"run_id": run_id})).status_code == 201
    answer = await client.post(RUNS, json={"run_id": "c"})
    refused(answer, 429, "too_many_runs", 2)
    assert "retry-after" in answer.headers
    assert (await client.post(RUNS, json={"run_id": "a"})).status_code == 200
    assert (await client.post("/v1/conversations/other/runs", json={"run_id": "c"})).status_code == 201
    await client.post(f"{RUNS}/a/end", json={"outcome": "cancelled"})
    assert (await client.post(RUNS, json={"run_id": "c"})).status_code == 201


async def test_a_restarted_service_still_has_its_runs(start: Start) -> None:
    first = await start()
    await first.post(RUNS, json={"run_id": "r1"})
    await first.post(f"{RUN}/progress", json={"state": "waiting", "label": "for the courier"})
    second = await start()
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not found:
            found = (await events(second))["runs"]
            await asyncio.sleep(0.05)
    assert [(run["run_id"], run["state"], run["label"]) for run in found] == [("r1", "waiting", "for the courier")]
    # Its producer goes on where the load balancer sends it.
    assert (await second.post(f"{RUN}/end", json={"outcome": "failed", "reason": "undelivered"})).status_code == 200
    refused(await first.post(f"{RUN}/progress", json={"state": "writing"}), 409, "run_ended")
    assert [entry["kind"] for entry in await entries(first, "room")] == ["run"]


async def test_they_are_counted(client: Client) -> None:
    for number, outcome in enumerate(("completed", "failed", "failed", None)):
        await client.post(RUNS, json={"run_id": f"r{number}"})
        if outcome is not None:
            for _ in range(2):
                await client.post(f"{RUNS}/r{number}/end", json={"outcome": outcome})
    text = (await client.get("/metrics")).text
    assert "\numbral_chat_runs 1" in text
    for outcome, count in (("completed", 1), ("failed", 2), ("cancelled", 0), ("lost", 0)):
        assert f'umbral_chat_runs_ended_total{{outcome="{outcome}"}} {count}' in text


async def test_a_run_reserves_its_message_id_from_its_start(start: Start) -> None:
    others = {"name": "other", "key": "other-key-for-tests-only-001"}
    client = await start(core__keys=json.dumps([*KEYS, others]))
    own = {"authorization": f"Bearer {KEYS[0]['key']}"}
    client.headers.update(own)
    await send(client, "room", "a question")
    other, visitor = {"authorization": f"Bearer {others['key']}"}, await token(client)
    made = await client.post(RUNS, json={"run_id": "r1", "message_id": "m1"})
    assert made.status_code == 201, made.text
    piece, message = {"message_id": "m1", "offset": 0, "text": "mine"}, {"message_id": "m1", "content": "mine"}
    for headers in (other, visitor):
        refused(await client.post(f"{ROOM}/drafts", json=piece, headers=headers), 409, "not_your_draft")
        refused(await client.post(f"{ROOM}/messages", json=message, headers=headers), 409, "not_your_draft")
    refused(await client.post(RUNS, json={"message_id": "m1"}, headers=other), 409, "not_your_draft")
    assert (await client.post(f"{ROOM}/drafts", json=piece)).status_code == 200
    await send(client, "room", "mine", message_id="m1")

    await client.post(RUNS, json={"run_id": "r2", "message_id": "m2"})
    await client.post(f"{ROOM}/runs/r2/end", json={"outcome": "failed"})
    free = await client.post(f"{ROOM}/messages", json={"message_id": "m2", "content": "free"}, headers=visitor)
    assert free.status_code == 201, free.text

    begun = await client.post(f"{ROOM}/drafts", json=piece | {"message_id": "m3"}, headers=other)
    assert begun.status_code == 200
    refused(await client.post(RUNS, json={"message_id": "m3"}), 409, "not_your_draft")
    begun = await client.post(f"{ROOM}/drafts", json=piece | {"message_id": "m4"}, headers=visitor)
    assert begun.status_code == 200
    assert (await client.post(RUNS, json={"message_id": "m4"})).status_code == 201
    more = piece | {"message_id": "m4", "offset": 4}
    refused(await client.post(f"{ROOM}/drafts", json=more, headers=visitor), 409, "not_your_draft")
