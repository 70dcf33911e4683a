"""What is measured: each case a server, its requests and how many connections ask."""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import python, running
from tests.ports import free_port

KEY = "bench-key-of-no-other-use"
CONTENT = "x" * 200
CONVERSATIONS = 32


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    server: str
    requests: Sequence[str] | Callable[[int], Sequence[str]]
    """As they are sent, or what makes them for a port when the case begins."""
    connections: int = 32
    expect: str = "200"
    """The status that every answer must have, or the figure is of something else."""
    subscriber: str | None = None
    """How one subscriber follows meanwhile (`bench.subscriber.KINDS`)."""


def request(method: str, path: str, body: str = "", headers: str = "") -> str:
    """A raw HTTP/1.1 request. `{n}` in the body counts as the twelve digits that it becomes."""
    length = len(body.replace("{n}", "0" * 12).encode())
    entity = f"content-type: application/json\r\ncontent-length: {length}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}{entity}\r\n{body}"


AUTH = f"authorization: Bearer {KEY}\r\n"


def send_requests() -> list[str]:
    """Sends of 200 bytes, each with an idempotency key, over several conversations."""
    body = json.dumps({"content": CONTENT, "client_id": "c{n}"}, separators=(",", ":"))
    return [
        request("POST", f"/v1/conversations/bench-{number}/messages", body, AUTH) for number in range(CONVERSATIONS)
    ]


def poll_requests(port: int) -> list[str]:
    """Polls with nothing new: each conversation's own cursor and ETag, as a client sends them back. They are for now:
    once nobody has read a conversation for a minute, its ETag is another."""
    requests = []
    for number in range(CONVERSATIONS):
        path = f"/v1/conversations/poll-{number}"
        _call(port, "POST", f"{path}/messages", {"content": CONTENT})
        cursor = json.loads(_call(port, "GET", f"{path}/events")[0])["cursor"]
        follow = f"{path}/events?after={cursor}"
        etag = _call(port, "GET", follow)[1]
        requests.append(request("GET", follow, "", f"{AUTH}if-none-match: {etag}\r\n"))
    return requests


def _call(port: int, method: str, path: str, body: object = None) -> tuple[bytes, str]:
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data, {"Authorization": f"Bearer {KEY}"}, method=method
    )
    with urllib.request.urlopen(call, timeout=10) as answer:  # noqa: S310 - the same
        return answer.read(), answer.headers.get("ETag", "")


@contextmanager
def service(
    interpreter: str = sys.executable, environ: Mapping[str, str] | None = None, *, portable: bool = False
) -> Iterator[tuple[int, int]]:
    """Our own server of this environment on a database of its own, with further settings; its port and process id.

    `portable`: the same application on plain uvicorn.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "UMBRAL_CHAT_CORE__PORT": str(port),
            "UMBRAL_CHAT_CORE__DATABASE": str(Path(folder) / "bench.sqlite3"),
            "UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "bench", "key": KEY}]),
        }
        program = ["bench.peers", "portable", str(port)] if portable else ["umbral_chat", "serve"]
        collecting = ["bench.collecting"] if interpreter == sys.executable else []
        with running([interpreter, "-m", *collecting, *program], port, {**settings, **(environ or {})}) as pid:
            yield port, pid


@contextmanager
def peer(name: str) -> Iterator[tuple[int, int]]:
    """One of the peers; its port and process id."""
    port = free_port()
    with running(python("-m", "bench.collecting", "bench.peers", name, str(port)), port) as pid:
        yield port, pid
