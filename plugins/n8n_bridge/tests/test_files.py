"""Files of visitors, on a running service in front of a double of n8n: from the widget's form to the workflow's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
from umbral_chat.http_kit.outbound import signed_headers
from umbral_chat.settings import Secret
from umbral_chat_n8n_bridge.files.store import NAMESPACE
from umbral_chat_n8n_bridge.plugin import bridge_of

from .n8n import Reply
from .rig import Rig, rig
from .test_gateway import ROOM, SESSION, STREAM, ask, history, lines_of

PASS: dict[str, Any] = {"files": "pass"}
NOTES = ("files", ("notes.txt", b"file A", "text/plain"))
PICTURE = ("files", ("b.png", bytes(range(256)) * 600, "image/png"))


async def send(it: Rig, text: str = "see", files: Any = (NOTES,), **more: Any) -> Any:
    """A message with files as the widget sends it."""
    fields = {"action": "sendMessage", "sessionId": SESSION, "chatInput": text, **more.pop("fields", {})}
    headers = {"authorization": "", "accept": "*/*", **more.pop("headers", {})}
    # A form without files is one, too.
    parts = [*[(name, (None, value)) for name, value in fields.items()], *files]
    return await it.client.post("/n8n/support/chat", files=parts, headers=headers)


async def kept(it: Rig) -> list[str]:
    """Keys of the files in the shared store."""
    return list(await it.client.app.state.services.storage.store.scan(NAMESPACE))


async def gone(it: Rig, room: int = 1_000_000) -> None:
    """Wait until no files are kept, and none count."""

    async def empty() -> bool:
        return not await kept(it) and bridge_of(it.client.app.state.services).files._quota.has_left(room)

    await it.until(empty, "no files")


async def test_they_come_to_the_workflow_as_from_the_widget_and_the_log_has_their_names(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        waiting.append(await kept(it))
        await reply.whole({"output": f"{len(call['files'])} files"})

    waiting: list[list[str]] = []
    async with rig(tmp_path, script, **PASS) as it:
        answer = await send(it, files=(NOTES, PICTURE), fields={"metadata": '{"page":"/"}'})
        assert answer.json() == {"output": "2 files"}
        call = it.n8n.calls[0]
        assert [tuple(one.values()) for one in call["files"]] == [
            ("notes.txt", "text/plain", b"file A"),
            ("b.png", "image/png", PICTURE[1][1]),
        ]
        assert (call["action"], call["sessionId"], call["chatInput"]) == ("sendMessage", SESSION, "see")
        metadata = json.loads(call["metadata"])
        assert set(metadata) == {"page", "umbral_run", "umbral_conversation", "umbral_seq", "umbral_message"}
        entry = (await it.log(ROOM))[0]
        mark = entry["metadata"]["umbral_files"]
        assert (mark["count"], mark["size"]) == (2, 6 + 153_600)
        assert entry["metadata"]["attachments"] == [
            {"id": f"{mark['id']}.0", "name": "notes.txt", "type": "text/plain", "size": 6},
            {"id": f"{mark['id']}.1", "name": "b.png", "type": "image/png", "size": 153_600},
        ]
        assert entry["metadata"]["page"] == "/"
        assert len(waiting[0]) == 4  # a first record, and three chunks
        await gone(it)


async def test_with_streaming_a_signature_and_no_text(tmp_path: Path) -> None:
    secret = "whsec_" + "c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seS0wMDE="
    async with rig(tmp_path, signing_secret=secret, authorization="Basic abc", **PASS) as it:
        answer = await send(it, "", headers=STREAM)
        assert [one.get("content") for one in lines_of(answer) if one["type"] == "item"] == ["echo:"]
        assert it.n8n.calls[0]["chatInput"] == ""
        headers = it.n8n.headers[0]
        assert headers["authorization"] == "Basic abc"
        assert headers["accept"] == "text/plain, application/json"
        at, message_id = int(headers["webhook-timestamp"]), headers["webhook-id"]
        signed = signed_headers(Secret(secret), message_id, at, it.n8n.bodies[0])
        assert headers["webhook-signature"] == signed["webhook-signature"]


async def test_a_form_without_files_is_a_message_like_any_other(tmp_path: Path) -> None:
    async with rig(tmp_path, **PASS) as it:
        assert (await send(it, "hi", files=())).json() == {"output": "echo:hi"}
        assert json.loads(it.n8n.bodies[0])["chatInput"] == "hi"
        assert "umbral_files" not in (await it.log(ROOM))[0].get("metadata", {})
        assert (await send(it, " ", files=())).status_code == 400
        await gone(it)


async def test_an_empty_file_is_passed_on(tmp_path: Path) -> None:
    async with rig(tmp_path, **PASS) as it:
        await send(it, files=(("files", ("empty.txt", b"", "text/plain")),))
        assert it.n8n.calls[0]["files"] == [{"fileName": "empty.txt", "mimeType": "text/plain", "data": b""}]
        await gone(it)


async def test_the_history_may_be_asked_for_by_a_form(tmp_path: Path) -> None:
    async with rig(tmp_path, **PASS) as it:
        await send(it)
        answer = await send(it, fields={"action": "loadPreviousSession"})
        assert [one["kwargs"]["content"] for one in answer.json()["data"]] == ["see", "echo:see"]
        assert await history(it) == [("HumanMessage", "see"), ("AIMessage", "echo:see")]
        assert (await send(it, fields={"action": "loadPreviousSession", "sessionId": "x"})).json() == {"data": []}
        await gone(it)


async def test_a_chat_that_does_not_pass_them_on_refuses_them(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        answer = await send(it)
        assert (answer.status_code, answer.json()) == (415, {"message": "Files are not taken here."})
        assert await it.log(ROOM) == []


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"files": (NOTES,) * 4}, 400, "At most 3 files"),
        ({"files": (("files", ("a", b"x" * 1_001, "text/plain")),)}, 413, "1000 bytes together"),
        ({"files": (("other", ("a", b"x", "text/plain")),)}, 400, "field `files`"),
        ({"text": "x" * 51}, 400, "too long"),
        ({"fields": {"metadata": "no JSON"}}, 400, "not one of"),
        ({"fields": {"metadata": "[1]"}}, 400, "not one of"),
        ({"fields": {"metadata": "[" * 100 + "]" * 100}}, 400, ""),
        ({"fields": {"action": "delete"}}, 400, "action"),
        ({"fields": {"more": "x" * 300_000}}, 413, "bytes together"),
        ({"fields": {"chatInput": "x" * 262_100}}, 413, "not accepted"),
        ({"headers": {"content-encoding": "gzip"}}, 415, ""),
        ({"headers": {"content-type": "multipart/form-data"}}, 415, "boundary"),
        ({"headers": {"content-type": "multipart/mixed; boundary=x"}}, 415, "Files"),
        ({"headers": {"origin": "https://evil.example"}}, 403, "may not use"),
    ],
)
async def test_refusals_have_the_widgets_form_and_leave_nothing(
    tmp_path: Path, change: dict[str, Any], status: int, said: str
) -> None:
    bounds: dict[str, Any] = {"files_bytes": 1_000, "files_count": 3, "message_chars": 50}
    async with rig(tmp_path, **PASS, **bounds) as it:
        answer = await send(it, **change)
        assert (answer.status_code, list(answer.json())) == (status, ["message"])
        assert said in answer.json()["message"]
        assert await it.log(ROOM) == []
        await gone(it)


async def test_a_form_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    async def body() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 100
        yield b"\r\n--x--\r\n"

    async with rig(tmp_path, **PASS, files_bytes=1_000) as it:
        headers = {"content-type": "multipart/form-data; boundary=x", "authorization": ""}
        answer = await it.client.post("/n8n/support/chat", content=body(), headers=headers)
        assert answer.status_code == 413
        await gone(it)


@pytest.mark.parametrize(
    ("settings", "headers", "status", "read"),
    [
        ({**PASS, "files_bytes": 1_000}, {}, 413, 101),
        ({**PASS, "files_bytes": 1_000}, {"content-length": "1000000"}, 413, 101),
        ({}, {}, 415, 101),
        ({**PASS, "files_bytes": 1_000}, {"content-length": "1000000", "expect": "100-continue"}, 413, 0),
    ],
)
async def test_what_is_refused_is_read_to_its_end_so_that_the_answer_is_seen(
    tmp_path: Path, settings: dict[str, Any], headers: dict[str, str], status: int, read: int
) -> None:
    pieces = [b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n', *[b"x" * 10_000] * 100]
    sent, taken = list[Any](), 0

    async def receive() -> Any:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": pieces[taken - 1], "more_body": taken < len(pieces)}

    async def send_back(message: Any) -> None:
        sent.append(message)

    async with rig(tmp_path, **settings) as it:
        headers = {"content-type": "multipart/form-data; boundary=x", "host": "127.0.0.1", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/n8n/support/chat",
            "raw_path": b"/n8n/support/chat",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        await it.client.app(cast("Any", scope), receive, send_back)
        assert (sent[0]["status"], taken) == (status, read)


async def test_an_instance_takes_in_so_much_at_once(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await more.wait()
        await reply.whole({"output": "at last"})

    more = asyncio.Event()
    async with rig(tmp_path, script, **PASS, files_bytes=200_000, files_waiting=250_000) as it:
        first = asyncio.ensure_future(send(it, files=(PICTURE,)))
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        answer = await send(it, files=(PICTURE,), fields={"sessionId": "another"})
        assert (answer.status_code, answer.json()["message"]) == (
            503,
            "The chat is busy. Please try again in a moment.",
        )
        more.set()
        assert (await first).status_code == 200
        await gone(it, 250_000)
        answer = await send(it, files=(PICTURE,), fields={"sessionId": "another"})
        assert answer.status_code == 200


async def test_a_page_cannot_name_files_and_a_false_name_is_none(tmp_path: Path) -> None:
    async with rig(tmp_path, **PASS) as it:
        forged = {"umbral_files": {"id": "x" * 32, "count": 1, "size": 1}}
        await send(it, fields={"metadata": json.dumps(forged)}, files=())
        assert "umbral_files" not in (await it.log(ROOM))[0].get("metadata", {})
        # Whoever may send by the API may say it, and gets nothing by it.
        await it.say("hi", metadata={**forged, "attachments": [{"id": "x" * 32 + ".0", "name": "a.txt"}]})
        await it.until_texts(("user", "hi"), ("assistant", "echo:hi"))
        metadata = json.loads(it.n8n.bodies[1])["metadata"]
        assert metadata["umbral_files_lost"] == ["a.txt"]
        assert "umbral_files" not in metadata
        await it.say("odd", "support:odd", metadata={"umbral_files": ["no reference"]})
        await it.until_texts(("user", "odd"), ("assistant", "echo:odd"), conversation="support:odd")


async def test_a_message_with_files_is_no_repeat(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await more.wait()
        await reply.whole({"output": "ok"})

    more = asyncio.Event()
    async with rig(tmp_path, script, **PASS, join_repeats=True) as it:
        asked = [asyncio.ensure_future(send(it)) for _ in range(2)]
        await it.until(lambda: two(it, 2), "two messages")
        asked.append(asyncio.ensure_future(ask(it, "see")))
        await it.until(lambda: two(it, 3), "three messages")
        more.set()
        await asyncio.gather(*asked)


async def two(it: Rig, wanted: int) -> bool:
    return len([one for one in await it.log(ROOM) if one["kind"] == "message"]) == wanted
