"""A service that plays the steps of a scenario, one connection after another, over real sockets."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

Step = dict[str, Any]

EPOCH = "aaaaaaaaaa"
REASONS = {200: "OK", 204: "No Content"}


@dataclass
class Request:
    """A request that waits for its answer."""

    route: str
    after: str
    credential: str | None
    came: float
    """When, by the clock of the test."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def lose(self) -> None:
        """Break the connection."""
        self.writer.transport.abort()

    def answer(self, given: Step | None) -> None:
        """Answer as the scenario says."""
        if given is None:
            self._head(200, "text/event-stream", "transfer-encoding: chunked")
            self.send("retry: 2000\n\n")
            self.send(event({"status": {"state": "open", "mode": "local", "cursor": self.after, "head": 0}}))
        elif "entries" in given:
            self._whole(200, "application/json", json.dumps(page(self.after, given)))
        elif "text" in given:
            self._whole(given["status"], "text/html", given["text"])
        elif given["status"] == 204:
            self._head(204, "text/plain")
        else:
            problem = {"title": "No", "detail": "So it is.", **given}
            self._whole(given["status"], "application/problem+json", json.dumps(problem), given.get("retry_after"))

    def send(self, text: str) -> None:
        """Send a piece of the stream."""
        data = text.encode()
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """End the body of the stream."""
        self.writer.write(b"0\r\n\r\n")

    def _whole(self, status: int, kind: str, body: str, retry_after: int | None = None) -> None:
        data = body.encode()
        more = [] if retry_after is None else [f"retry-after: {retry_after}"]
        self._head(status, kind, f"content-length: {len(data)}", *more)
        self.writer.write(data)

    def _head(self, status: int, kind: str, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'No')}", f"content-type: {kind}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode())


def entry(given: Step) -> Step:
    """The entry that a step names by its number."""
    seq = given["entry"]
    content = given.get("content", str(seq))
    at = "2026-01-01T00:00:00Z"
    return {
        "kind": "message",
        "seq": seq,
        "message_id": f"m{seq}",
        "at": at,
        "sender": {"role": "user"},
        "content": content,
    }


def event(given: Step) -> str:
    """An event as the stream sends it."""
    if "raw" in given:
        return str(given["raw"])
    if "comment" in given:
        return f": {given['comment']}\n\n"
    if "entry" in given:
        cursor = f"{given.get('epoch', EPOCH)}.{given['entry']}"
        return f"event: entry\nid: {cursor}\ndata: {json.dumps(entry(given), ensure_ascii=False)}\n\n"
    if "closed" in given:
        rest = {name: value for name, value in given.items() if name != "closed"}
        return event({"status": {"state": "closed", "code": given["closed"], "detail": "So it is.", **rest}})
    ((name, data),) = given.items()
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def page(after: str, given: Step) -> Step:
    """A poll's answer."""
    entries = [entry({"entry": seq}) for seq in given["entries"]]
    last = entries[-1]["seq"]
    return {
        "entries": entries,
        "cursor": f"{EPOCH}.{last}",
        "head": last + 1 if given.get("has_more") else last,
        "has_more": given.get("has_more", False),
        "poll_after_ms": 1000,
        "mode": "local",
        "drafts": [],
    }


class ScriptedService:
    """Takes requests; the script answers them. An async context manager."""

    def __init__(self, now: Any) -> None:
        self._now = now
        self.requests: asyncio.Queue[Request] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self.url = ""

    async def __aenter__(self) -> ScriptedService:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            line, *lines = head.split("\r\n")
            url = urlsplit(line.split(" ")[1])
            headers = dict(one.lower().split(": ", 1) for one in lines if one)
            credential = headers.get("authorization", "").removeprefix("bearer ") or None
            route = {"stream": "stream", "events": "poll"}[url.path.rpartition("/")[2]]
            after = parse_qs(url.query).get("after", ["0"])[0]
            self.requests.put_nowait(Request(route, after, credential, self._now(), reader, writer))


__all__ = ["Request", "ScriptedService", "Step", "event"]
