"""The widget's protocol, on a running service in front of a double of n8n."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
from umbral_chat_n8n_bridge.gateway import following
from umbral_chat_n8n_bridge.relay.ledger import LedgerEntry, RunRecord

from .answers.reading import line
from .answers.test_buttons import message
from .n8n import Reply
from .rig import PATIENCE, Rig, rig

SESSION = "225e443b-41a0-4f3d-b323-218589bd1163"
ROOM = f"support:{SESSION}"
PAGE = "https://shop.example"


async def ask(it: Rig, text: str = "hi", *, session: str = SESSION, **more: Any) -> Any:
    """A message as the widget sends it."""
    body = {"action": "sendMessage", "sessionId": session, "chatInput": text, **more.pop("body", {})}
    headers = {"authorization": "", "accept": "*/*", **more.pop("headers", {})}
    return await it.client.post(f"/n8n/{more.pop('chat', 'support')}/chat", json=body, headers=headers)


async def history(it: Rig, session: str = SESSION) -> list[tuple[str, str]]:
    answer = await it.client.post(
        "/n8n/support/chat", json={"action": "loadPreviousSession", "sessionId": session, "metadata": {"page": "/"}}
    )
    assert answer.status_code == 200
    return [(one["id"][-1], one["kwargs"]["content"]) for one in answer.json()["data"]]


def lines_of(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(one) for one in answer.text.splitlines() if one.strip()]


STREAM = {"accept": "text/plain"}


async def test_a_message_and_its_answer(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        answer = await ask(it, body={"metadata": {"page": "/pricing", "umbral_run": "forged"}})
        assert (answer.status_code, answer.json()) == (200, {"output": "echo:hi"})
        asked, said = await it.log(ROOM)
        assert (asked["content"], asked["sender"]["role"], asked["metadata"]) == ("hi", "user", {"page": "/pricing"})
        assert said["content"] == "echo:hi"
        assert it.n8n.calls[0]["sessionId"] == SESSION
        assert it.n8n.calls[0]["metadata"]["page"] == "/pricing"
        assert await history(it) == [("HumanMessage", "hi"), ("AIMessage", "echo:hi")]


async def test_a_stream_of_an_answer_that_did_not_stream(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        lines = lines_of(await ask(it, headers=STREAM))
        assert [(one["type"], one.get("content")) for one in lines] == [
            ("begin", None),
            ("item", "echo:hi"),
            ("end", None),
        ]
        assert len({one["metadata"]["nodeId"] for one in lines}) == 1


async def test_buttons_are_in_a_stream_as_n8n_sent_them(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", message()[:40]), line("item", message()[40:]), line("end"))
        await reply.end()

    async with rig(tmp_path, script) as it:
        lines = lines_of(await ask(it, headers=STREAM))
        assert [one.get("content") for one in lines] == [None, message(), None]
        answer = await ask(it)
        assert answer.json() == {"output": "Hi Ada, approve?"}, "the widget has no buttons there"


async def test_a_stream_grows_while_n8n_writes(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "Let me look."), line("end"))
        await reply.lines(line("begin"), line("item", "It is "))
        await more.wait()
        await reply.lines(line("item", "here"), line("end"))
        await reply.end()

    async with rig(tmp_path, script) as it:
        received = bytearray()
        grown = asyncio.Event()

        async def send(message: Any) -> None:
            received.extend(message.get("body", b""))
            if b"It is " in received:
                grown.set()

        body = json.dumps({"action": "sendMessage", "sessionId": SESSION, "chatInput": "hi"}).encode()
        request = asyncio.ensure_future(call_asgi(it, body, send))
        await asyncio.wait_for(grown.wait(), 30)
        assert b"here" not in received
        more.set()
        await request
        found = [json.loads(one) for one in received.splitlines()]
        texts: dict[str, str] = {}
        for one in found:
            node = one["metadata"]["nodeId"]
            texts[node] = texts.get(node, "") + one.get("content", "")
        assert list(texts.values()) == ["Let me look.", "It is here"]
        assert [one["type"] for one in found if one["type"] != "item"] == ["begin", "end", "begin", "end"]


async def call_asgi(it: Rig, body: bytes, send: Any) -> None:
    """A request whose answer is seen as it is written."""
    sent = False

    async def receive() -> Any:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/n8n/support/chat",
        "raw_path": b"/n8n/support/chat",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"accept", b"text/plain"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await it.client.app(cast("Any", scope), receive, send)


async def test_the_history_waits_for_an_answer_that_is_written(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await more.wait()
        await reply.whole({"output": "late"})

    async with rig(tmp_path, script) as it:
        await it.say("hi", ROOM)
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        waiting = asyncio.ensure_future(history(it))
        more.set()
        assert await waiting == [("HumanMessage", "hi"), ("AIMessage", "late")]


@pytest.mark.parametrize("session", ["never-a-uuid", "00000000-0000-1000-8000-000000000000", SESSION, "", "x" * 300])
async def test_the_history_of_what_was_not_drawn_at_random_or_never_used_is_empty(tmp_path: Path, session: str) -> None:
    async with rig(tmp_path) as it:
        if session not in {SESSION, "", "x" * 300}:
            await it.say("hi", f"support:{session}")
        assert await history(it, session) == []


async def test_a_workflow_that_fails_is_shown_as_an_error(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.whole({"message": "Error in workflow"}, 500)

    async with rig(tmp_path, script, failure_notice="Oh no.") as it:
        answer = await ask(it)
        assert (answer.status_code, answer.json()) == (500, {"message": "Oh no."})
        answer = await ask(it, headers=STREAM)
        assert answer.status_code == 200
        assert lines_of(answer) == [{"type": "error", "content": "Oh no."}]


async def test_while_an_agent_answers_there_is_a_notice(tmp_path: Path) -> None:
    async with rig(tmp_path, human_notice="A person will answer.") as it:
        await it.client.post("/v1/conversations", json={"id": ROOM})
        await it.client.patch(f"/v1/conversations/{ROOM}", json={"responder": "human"})
        assert (await ask(it)).json() == {"output": "A person will answer."}
        assert [one.get("content") for one in lines_of(await ask(it, headers=STREAM))][1] == "A person will answer."
        assert it.n8n.calls == []


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"text": " "}, 400, "empty"),
        ({"text": "x" * 51}, 400, "too long"),
        ({"session": ""}, 400, "id"),
        ({"session": "x" * 200}, 400, "id"),
        ({"chat": "other"}, 404, "no such chat"),
        ({"body": {"action": "delete"}}, 400, "action"),
        ({"body": {"chatInput": 7}}, 400, "not one of"),
        ({"headers": {"origin": "https://evil.example"}}, 403, "may not use"),
        ({"headers": {"content-type": "multipart/form-data; boundary=x"}}, 415, "Files"),
    ],
)
async def test_refusals_have_the_widgets_form(tmp_path: Path, change: dict[str, Any], status: int, said: str) -> None:
    async with rig(tmp_path, message_chars=50) as it:
        answer = await ask(it, **change)
        assert answer.status_code == status
        assert list(answer.json()) == ["message"]
        assert said in answer.json()["message"]
        change["headers"] = {**change.get("headers", {}), **STREAM}
        answer = await ask(it, **change)
        assert answer.status_code == 200
        assert [one["type"] for one in lines_of(answer)] == ["error"]
        assert it.n8n.calls == []


async def test_pages_of_listed_origins_may_use_it(tmp_path: Path) -> None:
    async with rig(tmp_path, origins=[PAGE]) as it:
        headers = {
            "origin": PAGE,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-chat-token",
        }
        answer = await it.client.options("/n8n/support/chat", headers=headers)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-headers"] == "content-type,x-chat-token"
        answer = await ask(it, headers={"origin": PAGE})
        assert answer.json() == {"output": "echo:hi"}
        assert answer.headers["access-control-allow-origin"] == PAGE
        for chat, origin in (("support", "https://evil.example"), ("other", PAGE)):
            answer = await it.client.options(f"/n8n/{chat}/chat", headers={**headers, "origin": origin})
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("join", [True, False])
async def test_a_repeated_request_joins_the_run_under_way(tmp_path: Path, join: bool) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await more.wait()
        await reply.whole({"output": f"answer {len(it.n8n.calls)}"})

    async with rig(tmp_path, script, join_repeats=join) as it:
        # The first two come together, and so neither is written when the other is looked for.
        asked = [asyncio.ensure_future(ask(it)) for _ in range(2)]
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        asked.append(asyncio.ensure_future(ask(it)))
        other = asyncio.ensure_future(ask(it, "another text"))

        async def written() -> bool:
            return len(await it.log(ROOM)) >= (2 if join else 4)

        await it.until(written, "the messages")
        more.set()
        answers = [one.json() for one in await asyncio.gather(*asked)]
        assert (answers == [{"output": "answer 1"}] * 3) == join
        assert (await other).json() == {"output": "answer 2" if join else f"answer {len(it.n8n.calls)}"} or not join
        assert len(it.n8n.calls) == (2 if join else 4)
        if join:
            # What was answered is a new question when it is asked again.
            assert (await ask(it, "another text")).json() == {"output": "answer 3"}


async def test_the_history_waits_for_the_rest_of_an_answer(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "Let me look."), line("end"))
        await more.wait()
        await reply.lines(line("begin"), line("item", "It is here."), line("end"))
        await reply.end()

    async with rig(tmp_path, script) as it:
        await it.say("where?", ROOM)

        async def begun() -> bool:
            return len(await it.texts(ROOM)) == 2

        await it.until(begun, "the first part")
        waiting = asyncio.ensure_future(history(it))
        more.set()
        assert await waiting == [
            ("HumanMessage", "where?"),
            ("AIMessage", "Let me look."),
            ("AIMessage", "It is here."),
        ]


async def test_an_answer_is_not_waited_for_where_the_runs_end_is_seen_before_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY", 3600.0)
    save = LedgerEntry.save

    async def late(entry: LedgerEntry, record: RunRecord) -> None:
        if record.state == "over":
            await asyncio.sleep(0.1)
        await save(entry, record)

    monkeypatch.setattr(LedgerEntry, "save", late)
    async with rig(tmp_path) as it, asyncio.timeout(PATIENCE):
        assert (await ask(it)).json() == {"output": "echo:hi"}


async def test_requests_of_messages_that_are_answered_by_one_run(tmp_path: Path) -> None:
    async with rig(tmp_path, burst_quiet=1.5) as it:
        first, second = await asyncio.gather(ask(it, "hi"), ask(it, "there"))
        assert first.json() == second.json()
        assert sorted(it.n8n.asked()[0].split("\n")) == ["hi", "there"]


async def test_an_interrupted_answer_is_not_shown_before_the_one_that_takes_its_place(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if len(it.n8n.calls) == 1:
            await reply.lines(line("begin"), line("item", "half"))
            await reply.gone.wait()
        else:
            await reply.whole({"output": "whole"})

    async with rig(tmp_path, script, during_run="interrupt") as it:
        first = asyncio.ensure_future(ask(it, "one"))

        async def drafted() -> bool:
            return bool((await it.state(ROOM)).get("drafts"))

        await it.until(drafted, "a draft")
        assert (await ask(it, "two")).json() == {"output": "whole"}
        assert (await first).json() == {"output": "whole"}


@pytest.mark.parametrize("limit", ["session_waiting", "address_waiting", "waiting"])
async def test_what_waits_at_once_is_bounded(tmp_path: Path, limit: str) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await more.wait()
        await reply.whole({"output": "at last"})

    settings: dict[str, Any] = {limit: 1}
    async with rig(tmp_path, script, **settings) as it:
        waiting = asyncio.ensure_future(ask(it))
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        assert (await ask(it)).status_code == (503 if limit == "waiting" else 429)
        more.set()
        if limit == "session_waiting":
            assert (await ask(it, session="another")).status_code == 200
        assert (await waiting).status_code == 200
        assert (await ask(it)).status_code == 200


@pytest.mark.parametrize("limit", ["session_per_minute", "chat_per_minute", "session_per_day", "address_per_minute"])
async def test_what_a_visitor_may_cost_is_bounded(tmp_path: Path, limit: str) -> None:
    settings: dict[str, Any] = {limit: 2}
    async with rig(tmp_path, **settings) as it:
        assert [(await ask(it, f"{number}")).status_code for number in range(3)] == [200, 200, 429]
        other = await ask(it, "other", session="another")
        assert other.status_code == (429 if limit in {"chat_per_minute", "address_per_minute"} else 200)
        assert len([one for one in await it.log(ROOM) if one["sender"]["role"] == "user"]) == 2


async def test_a_visitor_who_leaves_cancels_nothing(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await called.wait()
        await reply.whole({"output": "to nobody"})

    called = asyncio.Event()
    async with rig(tmp_path, script) as it:
        request = asyncio.ensure_future(ask(it))
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        called.set()
        await it.until_texts(("user", "hi"), ("assistant", "to nobody"), conversation=ROOM)
