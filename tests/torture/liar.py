"""A toy service that keeps the contract's sends and polls, or breaks them in one named way: `python liar.py LIE`.

It exists so that the whole torture, not only its checker, is seen to tell a sound service from a broken one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from bisect import bisect_right
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LIES = {
    "honest": "keeps everything",
    "early": "answers before the entry is durable",
    "forgetful": "forgets the idempotency keys when it is restarted",
    "skipping": "leaves out a number of the log now and then",
    "repeating": "sometimes shows a reader an entry again",
    "dropping": "sometimes leaves an entry out of a poll",
    "swapping": "sometimes shows two entries in the wrong order",
    "trimming": "trims white space",
}

SYNC = 0.005
"""Seconds from an entry to its answer, as a disk takes. Without it the answer is in the sender's socket already, and on
a loaded machine no kill costs one."""

Entry = dict[str, Any]


class Liar:
    """Logs in memory, and a file of JSON lines that a restart reads."""

    def __init__(self, lie: str, path: Path) -> None:
        self.lie = lie
        self.logs: dict[str, list[Entry]] = {}
        self.keys: dict[tuple[str, str], Entry] = {}
        self.grown = asyncio.Event()
        self._late: list[bytes] = []
        for line in path.read_text().splitlines() if path.exists() else []:
            self._add(*json.loads(line))
        if lie == "forgetful":
            self.keys.clear()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def send(self, name: str, body: Entry, key: str) -> tuple[int, Entry]:
        """Append, or answer the first entry of `key`."""
        if known := self.keys.get((name, key)):
            return 200, {"entry": known, "cursor": f"e.{known['seq']}", "created": False}
        log = self.logs.get(name, [])
        seq = (log[-1]["seq"] if log else 0) + (2 if self.lie == "skipping" and random.random() < 0.01 else 1)
        content = body["content"].strip() if self.lie == "trimming" else body["content"]
        entry = {"kind": "message", "seq": seq, "at": "t", "sender": body["sender"], "message_id": f"m{seq}"}
        entry |= {"content": content, "client_id": key}
        self._late.append(json.dumps([name, entry]).encode() + b"\n")
        if self.lie != "early":
            self.flush()
        elif len(self._late) == 1:
            asyncio.get_running_loop().call_later(0.1, self.flush)  # so that few kills find all of it written
        self._add(name, entry)
        self.grown.set()
        self.grown = asyncio.Event()
        return 201, {"entry": entry, "cursor": f"e.{seq}", "created": True}

    async def events(self, name: str, after: int, wait: float) -> Entry:
        """A poll, or a long poll."""
        if wait and not self._page(name, after):
            grown = self.grown
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(grown.wait(), wait)
        log = self.logs.get(name, [])
        page = self._page(name, after)
        cursor = f"e.{page[-1]['seq']}" if page else f"e.{after}"
        shown = list(page)
        if len(page) > 1 and wait and random.random() < 0.02:
            if self.lie == "repeating":
                shown.append(page[0])
            if self.lie == "dropping":
                del shown[0]
            if self.lie == "swapping":
                shown[:2] = shown[1::-1]
        head = log[-1]["seq"] if log else 0
        more = bool(page) and page[-1]["seq"] < head
        return {"entries": shown, "cursor": cursor, "head": head, "has_more": more}

    def flush(self) -> None:
        """Write what waits."""
        os.write(self._file, b"".join(self._late))
        self._late.clear()

    def _page(self, name: str, after: int) -> list[Entry]:
        log = self.logs.get(name, [])
        start = bisect_right(log, after, key=lambda entry: int(entry["seq"]))
        return log[start : start + 100]

    def _add(self, name: str, entry: Entry) -> None:
        self.logs.setdefault(name, []).append(entry)
        self.keys[name, entry["client_id"]] = entry

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(EOFError, OSError), contextlib.closing(writer):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                first, *lines = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                raw = await reader.readexactly(int(headers.get("content-length", "0")))
                status, body = await self._answer(first.split(" ")[1], headers, raw)
                content = json.dumps(body).encode()
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)

    async def _answer(self, target: str, headers: dict[str, str], raw: bytes) -> tuple[int, Entry]:
        url = urlsplit(target)
        if url.path == "/health/ready":
            return 200, {}
        name = url.path.split("/")[3]
        if raw:
            body = json.loads(raw)
            answer = self.send(name, body, headers.get("idempotency-key") or body["client_id"])
            await asyncio.sleep(SYNC)
            return answer
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        after = int(query["after"].removeprefix("e."))
        return 200, await self.events(name, after, float(query.get("wait", "0")))


async def main() -> None:
    """Serve until killed."""
    port, database = (os.environ[f"UMBRAL_CHAT_CORE__{name}"] for name in ("PORT", "DATABASE"))
    liar = Liar(sys.argv[1], Path(database))
    async with await asyncio.start_server(liar.serve, "127.0.0.1", int(port), limit=1 << 20) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
