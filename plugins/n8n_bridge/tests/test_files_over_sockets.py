"""Files over WebSockets: from the widget in push mode, and to an execution that waits for the user."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from umbral_chat_n8n_bridge.answers import dialog

from .n8n_dialog import ExecutionDouble
from .rig import rig
from .test_crashes import restart
from .test_dialogs import Dialog
from .test_files import NOTES, PASS, gone, send
from .test_gateway import ROOM
from .test_push import socket, started

SENT = {"name": "notes.txt", "type": "text/plain", "data": "data:text/plain;base64,ZmlsZSBB"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The double says that it goes on in the same breath."""
    monkeypatch.setattr(dialog, "GRACE", 0.05)


async def test_the_widget_sends_them_over_its_socket(tmp_path: Path) -> None:
    async with rig(tmp_path, push=True, **PASS) as it, socket(it, await started(it)) as widget:
        assert await widget.next() == "echo:hi"
        await widget.say("see", files=[SENT])
        assert await widget.next() == "echo:see"
        assert it.n8n.calls[1]["files"] == [{"fileName": "notes.txt", "mimeType": "text/plain", "data": b"file A"}]
        await widget.say("", files=[SENT])
        assert await widget.next() == "echo:"
        entry = [one for one in await it.log(ROOM) if one["kind"] == "message" and one["sender"]["role"] == "user"][-1]
        assert [one["name"] for one in entry["metadata"]["attachments"]] == ["notes.txt"]
        await gone(it)


@pytest.mark.parametrize(
    ("chat", "files", "said"),
    [
        ({}, [SENT], "Files are not taken here."),
        ({**PASS, "files_count": 1}, [SENT, SENT], "At most 1 files are taken with a message."),
        ({**PASS, "files_bytes": 5}, [SENT], "The files of a message may have 5 bytes together."),
        (PASS, [{**SENT, "data": "no URL"}], "A file cannot be read."),
        (PASS, ["no file"], "A file cannot be read."),
    ],
)
async def test_refusals_over_the_socket(tmp_path: Path, chat: dict[str, Any], files: list[Any], said: str) -> None:
    async with rig(tmp_path, push=True, **chat) as it, socket(it, await started(it)) as widget:
        assert await widget.next() == "echo:hi"
        await widget.say("see", files=files)
        assert await widget.next() == said
        assert len(it.n8n.calls) == 1
        await gone(it)


async def test_a_form_is_answered_with_a_socket_too(tmp_path: Path) -> None:
    async with rig(tmp_path, push=True, **PASS) as it:
        answer = (await send(it)).json()
        async with socket(it, answer["resumeToken"]) as widget:
            assert await widget.next() == "echo:see"
        await gone(it)


async def ask(execution: ExecutionDouble) -> None:
    await execution.say(f"Got {await execution.ask('A picture?')}.")


async def test_an_execution_that_waits_is_sent_them(tmp_path: Path) -> None:
    async with Dialog(tmp_path, ask, **PASS) as it:
        assert (await send(it, "hi", files=())).json() == {"output": "A picture?"}
        assert (await send(it, "this", files=(NOTES,))).json() == {"output": "Got this."}
        assert it.n8n.dialogs[0].files == [[SENT]]
        assert len(it.n8n.calls) == 1
        await gone(it)


async def test_an_execution_that_is_over_leaves_them_to_the_webhook(tmp_path: Path) -> None:
    async with Dialog(tmp_path, ask, **PASS) as it:
        await send(it, "hi", files=())
        execution = it.n8n.dialogs[0]
        execution.stop()
        execution.status = "success"
        assert execution.peer is not None
        execution.peer.close()
        asked = asyncio.ensure_future(send(it, "this", files=(NOTES,)))
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 2), "another call")
        assert [one["fileName"] for one in it.n8n.calls[1]["files"]] == ["notes.txt"]
        assert (await asked).json() == {"output": "A picture?"}
        await gone(it)


async def test_what_is_owed_to_an_execution_after_a_crash_has_its_files(tmp_path: Path) -> None:
    async def busy(execution: ExecutionDouble) -> None:
        await execution.ask("A picture?")
        await execution.say("Wait.")
        await more.wait()
        await execution.ask("Another?")

    more = asyncio.Event()
    async with Dialog(tmp_path, busy, **PASS) as it:
        await send(it, "hi", files=())
        first = asyncio.ensure_future(send(it, "this", files=()))
        await it.until(lambda: asyncio.sleep(0, it.n8n.dialogs[0].answers), "the answer")
        await restart(it)
        second = asyncio.ensure_future(send(it, "that", files=(NOTES,)))
        more.set()
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.dialogs[0].answers) == 2), "the second answer")
        assert it.n8n.dialogs[0].files == [[], [SENT]]
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
