"""`python -m tests.labs.bridge.n8n FOLDER`: an n8n of one's own, which answers as the captures of n8n 2.41 do and fails
as its script says. An execution goes on when its caller is gone, and its journal outlives the process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
from pathlib import Path
from typing import Any

from .caller import Caller
from .executions_api import answer_api
from .journal import Journal
from .plan import MERCY, answer_to
from .script import Script

STARTING = 0.7
"""Seconds after its start in which n8n answers nothing but that it is starting."""

GRACE = 4.0
"""Seconds that executions have to end when n8n is asked to."""

PAGE = b"<!doctype html><html><body><h1>504 Gateway Time-out</h1></body></html>"
PAUSES = (0.005, 0.05)
"""Seconds between two pieces of an answer, at least and at most."""

FAILED = {"code": 0, "message": "There was a problem executing the workflow"}


class Reply(Caller):
    """The answer to a caller, whole or as a stream of lines."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self._begun = False

    async def line(self, kind: str, content: str | None = None) -> None:
        """A line of a stream."""
        if not self._begun:
            self._begun = True
            await self.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
        metadata = {"nodeId": "Agent", "nodeName": "Agent", "itemIndex": 0, "runIndex": 0}
        value = {"type": kind} | ({} if content is None else {"content": content}) | {"metadata": metadata}
        data = json.dumps(value).encode() + b"\n"
        await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """The end of a stream."""
        await self.write(b"0\r\n\r\n")


class ScriptedN8n:
    """The webhooks and the API."""

    def __init__(self, script: Script, journal: Journal) -> None:
        self._script, self._journal = script, journal
        self._random = random.Random()
        self._executing: set[asyncio.Task[None]] = set()
        self._ready_at = asyncio.get_running_loop().time() + STARTING

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._executing.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            method, target, _ = head[0].split(" ")
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            reply = Reply(writer)
            if asyncio.get_running_loop().time() < self._ready_at:
                await reply.answer(200, b"n8n is starting up. Please wait")
            elif method == "POST" and target.startswith("/webhook/"):
                await self._call(target.split("/")[2], json.loads(body), reply)
            else:
                status, answer = answer_api(self._journal, self._script.streams, target, headers.get("x-n8n-api-key"))
                await reply.answer(status, json.dumps(answer).encode())
        except (OSError, EOFError):
            return
        finally:
            self._executing.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def end(self) -> None:
        """Let what is executing end, as n8n does when it is asked to end."""
        if self._executing:
            await asyncio.wait(self._executing, timeout=GRACE)

    async def _call(self, workflow: str, body: dict[str, Any], reply: Reply) -> None:
        journal = self._journal
        key, run_id = body["chatInput"].partition(" ")[0], body["metadata"]["umbral_run"]
        kind = self._script.failing(key, journal.busy(key), mercy=MERCY)
        call = journal.called(key, run_id, kind)
        match kind:
            case "refused":
                await reply.answer(400, b'{"message":"Bad request"}')
            case "too_large":
                await reply.answer(413, b'{"message":"request entity too large"}')
            case "forbidden":
                await reply.answer(403, b'{"message":"Authorization data is wrong!"}')
            case "absent":
                await reply.answer(404, b'{"code":404,"message":"The requested webhook is not registered."}')
            case "busy":
                status = self._random.choice((429, 503))
                await reply.answer(status, b'{"message":"try later"}', "Retry-After: 1\r\n")
            case "cut_before":
                reply.cut()
            case _:
                await self._execute(call, workflow, key, run_id, body, kind, reply)
                return
        journal.concluded(call, str(kind))

    async def _execute(
        self, call: int, workflow: str, key: str, run_id: str, body: dict[str, Any], kind: str | None, reply: Reply
    ) -> None:
        execution = self._journal.began(workflow, key, run_id, body)
        if kind == "proxy":
            await reply.answer(504, PAGE)
            reply.cut()
        if kind == "slow":
            await asyncio.sleep(self._script.slow)
        if self._script.streams[workflow]:
            await self._stream(execution, key, kind, reply)
        else:
            await self._answer(execution, key, kind, reply)
        self._journal.concluded(call, "lost" if reply.gone else "answered")

    async def _stream(self, execution: int, key: str, kind: str | None, reply: Reply) -> None:
        text = answer_to(key)
        await reply.line("begin")
        if kind == "error":
            await reply.line("error", "model down")
            self._journal.ended(execution, "error", None)
            await reply.end()
            return
        pieces = [piece + " " for piece in text.split(" ")]
        pieces[-1] = pieces[-1].strip()
        for number, piece in enumerate(pieces):
            await asyncio.sleep(self._random.uniform(*PAUSES))
            if kind == "cut" and number == len(pieces) // 2:
                reply.cut()
            await reply.line("item", piece)
        # Recorded before the caller knows the end: what the caller has whole has not crashed.
        self._journal.ended(execution, "success", text)
        await reply.line("end")
        await reply.end()

    async def _answer(self, execution: int, key: str, kind: str | None, reply: Reply) -> None:
        await asyncio.sleep(self._random.uniform(*PAUSES) * 6)
        if kind == "error":
            self._journal.ended(execution, "error", None)
            await reply.answer(500, json.dumps(FAILED).encode())
            return
        if kind == "cut":
            reply.cut()
        self._journal.ended(execution, "success", answer_to(key))
        await reply.answer(200, json.dumps({"output": answer_to(key)}).encode())


async def _main(folder: Path) -> None:
    script = Script.load(folder / "script.json")
    journal = Journal(folder / "journal.sqlite3")
    journal.recover()
    served = ScriptedN8n(script, journal)
    asked_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_end.set)
    server = await asyncio.start_server(served.serve, "127.0.0.1", script.port)
    await asked_to_end.wait()
    server.close()
    await served.end()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
