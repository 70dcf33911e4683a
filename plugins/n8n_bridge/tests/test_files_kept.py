"""How long files of visitors are kept, and with which call they go."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from umbral_chat.errors import HistoryUnavailable
from umbral_chat_n8n_bridge.files.store import NAMESPACE

from .n8n import Reply
from .rig import rig
from .test_crashes import restart
from .test_files import NOTES, PASS, PICTURE, gone, kept, send
from .test_gateway import ROOM, SESSION, ask

BURST = 2.0
"""Seconds in which a test does what comes before the run, also where the machine is slow."""


async def test_when_the_message_is_not_logged_its_files_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, **PASS) as it:
        chat = it.client.app.state.services.chat
        stored: list[list[str]] = []

        async def fails(*args: Any) -> Any:
            stored.append(await kept(it))
            raise HistoryUnavailable("The disk is full.")

        monkeypatch.setattr(chat, "send", fails)
        assert (await send(it)).status_code == 503
        assert len(stored[0]) == 2
        await gone(it)


async def test_after_a_crash_between_storing_and_logging_they_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, **PASS, files_kept=4) as it:
        chat = it.client.app.state.services.chat

        async def hangs(*args: Any) -> Any:
            reached.set()
            await asyncio.Event().wait()

        reached = asyncio.Event()
        monkeypatch.setattr(chat, "send", hangs)
        request = asyncio.ensure_future(send(it))
        await reached.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        assert len(await kept(it)) == 2
        await gone(it)
        assert await it.log(ROOM) == []


async def test_files_of_another_conversation_are_not_passed_on(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if call["chatInput"] == "see":
            mark = (await it.log(ROOM))[0]["metadata"]
            await it.say("mine", metadata=mark)
            await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 2), "the other call")
        await reply.whole({"output": "ok"})

    async with rig(tmp_path, script, **PASS) as it:
        await send(it)
        assert json.loads(it.n8n.bodies[1])["metadata"]["umbral_files_lost"] == ["notes.txt"]


async def test_files_that_have_expired_are_named_and_the_text_is_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if len(it.n8n.calls) == 1:
            store = it.client.app.state.services.storage.store
            for key in await kept(it):  # as their time does, whose end comes no sooner where the machine is slow
                await store.delete(NAMESPACE, key)
            await reply.whole({}, 503)
        else:
            await reply.whole({"output": "without them"})

    async with rig(tmp_path, script, **PASS) as it:
        answer = await send(it, files=(NOTES, PICTURE))
        assert answer.json() == {"output": "without them"}
        first, second = it.n8n.calls
        assert len(first["files"]) == 2
        assert second["chatInput"] == "see"
        assert second["metadata"]["umbral_files_lost"] == ["notes.txt", "b.png"]
        lines = [one.getMessage() for one in caplog.records if "expired" in one.getMessage()]
        assert len(lines) == 1
        assert "notes" not in lines[0]


async def test_a_dead_letter_keeps_them_and_another_try_has_them(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if len(it.n8n.calls) == 1:
            reply.cut()
        else:
            await reply.whole({"output": "this time"})

    async with rig(tmp_path, script, **PASS) as it:
        assert (await send(it)).status_code == 500
        assert await it.until(it.letters, "a dead letter") == [(ROOM, 1, "n8n: connection_lost")]
        assert len(await kept(it)) == 2
        assert await it.client.app.state.services.consumers.retry("n8n:support") == 1
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 2), "another call")
        assert it.n8n.calls[1]["files"] == it.n8n.calls[0]["files"]
        await gone(it)


@pytest.mark.parametrize("how", ["cancel", "human"])
async def test_they_are_removed_however_the_run_is_over(tmp_path: Path, how: str) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.gone.wait()

    async with rig(tmp_path, script, **PASS) as it:
        if how == "human":
            await it.client.post("/v1/conversations", json={"id": ROOM})
            await it.client.patch(f"/v1/conversations/{ROOM}", json={"responder": "human"})
            await send(it)
        else:
            request = asyncio.ensure_future(send(it))
            run = (await it.until(lambda: it.runs(ROOM), "a run"))[0]["run_id"]
            await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
            await it.client.post(f"/v1/conversations/{ROOM}/runs/{run}/cancel", json={})
            await request
        await gone(it)


async def test_messages_that_one_run_answers_have_all_their_files(tmp_path: Path) -> None:
    async with rig(tmp_path, **PASS, burst_quiet=BURST) as it:
        first = asyncio.ensure_future(send(it, "one"))
        await it.until(lambda: it.log(ROOM), "the first")
        second = await send(it, "two", files=(PICTURE,))
        assert (await first).json() == second.json()
        call = it.n8n.calls[0]
        assert call["chatInput"] == "one\ntwo"
        assert [one["fileName"] for one in call["files"]] == ["notes.txt", "b.png"]
        assert "attachments" not in json.loads(call["metadata"])
        await gone(it)


@pytest.mark.parametrize("bound", [{"files_bytes": 160_000}, {"files_count": 2}])
async def test_a_message_whose_files_are_too_much_for_the_turn_has_a_run_of_its_own(
    tmp_path: Path, bound: dict[str, Any]
) -> None:
    files = (PICTURE,) if "files_bytes" in bound else (NOTES, NOTES)
    async with rig(tmp_path, **PASS, **bound, burst_quiet=BURST) as it:
        first = asyncio.ensure_future(send(it, "one", files))
        await it.until(lambda: it.log(ROOM), "the first")
        await send(it, "two", files)
        await first
        assert [len(call["files"]) for call in it.n8n.calls] == [len(files)] * 2
        assert it.n8n.asked() == ["one", "two"]


async def test_a_dead_letter_of_several_messages_is_tried_again_with_the_files_of_all(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if call["chatInput"] == "one\ntwo" and len(it.n8n.calls) == 1:
            reply.cut()
        else:
            await reply.whole({"output": "ok"})

    async with rig(tmp_path, script, **PASS, burst_quiet=BURST) as it:
        first = asyncio.ensure_future(send(it, "one"))
        await it.until(lambda: it.log(ROOM), "the first")
        await send(it, "two", (PICTURE,))
        await first
        await it.until(it.letters, "a dead letter")
        # The second one was handled when the next is.
        assert (await ask(it, "three")).json() == {"output": "ok"}
        assert await it.client.app.state.services.consumers.retry("n8n:support") == 1
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 3), "another call")
        assert it.n8n.calls[2]["files"] == it.n8n.calls[0]["files"]
        assert len(it.n8n.calls[2]["files"]) == 2
        await gone(it)


async def test_a_message_that_was_redacted_leaves_them_until_they_expire(tmp_path: Path) -> None:
    async with rig(tmp_path, **PASS, burst_quiet=BURST, files_kept=1) as it:
        request = asyncio.ensure_future(send(it))
        entry = (await it.until(lambda: it.log(ROOM), "the message"))[0]
        await it.client.delete(f"/v1/conversations/{ROOM}/messages/{entry['message_id']}")
        await request
        assert it.n8n.calls == []
        await gone(it)
        assert "notes.txt" not in json.dumps(await it.log(ROOM))


def contents(folder: Path) -> list[bytes]:
    """The bytes of its files."""
    return [file.read_bytes() for file in folder.iterdir() if file.is_file()]


@pytest.mark.sqlite_only("the embedded store's file")
async def test_their_content_is_nowhere_in_the_database_as_it_is(tmp_path: Path) -> None:
    secret = b"what nobody else is to read"
    async with rig(tmp_path, **PASS) as it:
        await send(it, files=(("files", ("notes.txt", secret, "text/plain")),))
        assert it.n8n.calls[0]["files"][0]["data"] == secret
        written = contents(tmp_path)
        assert any(SESSION.encode() in one for one in written), "what is in the log can be found so"
        assert not any(secret in one for one in written)


async def test_of_a_deleted_conversation_no_name_is_left(tmp_path: Path) -> None:
    async with rig(tmp_path, **PASS, burst_quiet=BURST) as it:
        request = asyncio.ensure_future(send(it))
        await it.until(lambda: it.log(ROOM), "the message")
        await it.client.delete(f"/v1/conversations/{ROOM}")
        store = it.client.app.state.services.storage.store
        records = await store.scan(NAMESPACE)
        assert SESSION not in repr(records)
        await asyncio.gather(request, return_exceptions=True)


async def test_after_a_crash_during_the_run_they_are_sent_again(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if len(it.n8n.calls) == 1:
            await reply.gone.wait()
        else:
            await reply.whole({"output": "once more"})

    async with rig(tmp_path, script, **PASS, repeat_unknown=True) as it:
        request = asyncio.ensure_future(send(it))
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        await restart(it)
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 2), "another call")
        assert it.n8n.calls[1]["files"] == it.n8n.calls[0]["files"]
        await request
        await gone(it)
