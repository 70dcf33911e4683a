"""A small service in this process that keeps the HTTP contract, with faults on demand; a fixture to run commands."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from click.testing import CliRunner, Result
from umbral_chat._core.cli import cli

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class FakeService:
    """Logs in memory behind the contract's routes.

    `faults` are taken one a request: "refuse" closes the connection before anything happens, "lose" does the work and
    closes it instead of answering, a number answers that status as a problem. `requests` are those that arrived,
    `bodies` what they carried.
    """

    def __init__(self) -> None:
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.epochs: dict[str, str] = {}
        self.keys: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self.deleted: set[str] = set()
        self.faults: deque[str | int] = deque()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[Any] = []
        self.canned: dict[tuple[str, str], tuple[int, Any]] = {}
        self.page = 3
        self.key: str | None = None
        self.streams: deque[str | dict[str, Any]] | None = None
        """How the streams end, one after the other: "held" (when the service stops), "cut" (after two entries, without
        a last event), or with a `status` after two entries. Then they are held. None: the service has no streams."""
        self.changed = threading.Condition()
        self.port = 0
        self._server: _Server | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; after a stop on the same port, with the same logs."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.fake = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Go away at once: every open connection is cut."""
        if server := self._server:
            self._server = None
            server.shutdown()
            server.server_close()
            server.cut()
            with self.changed:
                self.changed.notify_all()

    def restart(self, down: float) -> None:
        self.stop()
        time.sleep(down)
        self.start()

    @property
    def running(self) -> bool:
        return self._server is not None

    def contents(self, conversation: str) -> list[str]:
        return [entry["content"] for entry in self.logs.get(conversation, []) if entry["kind"] == "message"]

    def say(self, conversation: str, *contents: str, role: str = "user") -> None:
        """Append messages, past HTTP."""
        for content in contents:
            self.append(conversation, "message", {"content": content, "sender": {"role": role}})

    def append(self, conversation: str, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Number an entry and wake who waits."""
        with self.changed:
            log = self.logs.setdefault(conversation, [])
            self.epochs.setdefault(conversation, "aaaaaaaaaa")
            seq = len(log) + 1
            at = (START + timedelta(seconds=seq)).isoformat().replace("+00:00", "Z")
            entry: dict[str, Any] = {"kind": kind, "seq": seq, "at": at, "sender": {"role": "user"}, **fields}
            if kind == "message":
                entry.setdefault("message_id", f"m{seq}")
            log.append(entry)
            self.changed.notify_all()
            return entry

    def delete(self, conversation: str) -> None:
        with self.changed:
            self.logs.pop(conversation, None)
            self.deleted.add(conversation)
            self.changed.notify_all()

    def recreate(self, conversation: str) -> None:
        """Made anew: another epoch, an empty log."""
        with self.changed:
            self.logs[conversation] = []
            self.epochs[conversation] = "bbbbbbbbbb"
            self.changed.notify_all()

    def inbox(self, query: dict[str, str]) -> dict[str, Any]:
        """A page of two conversations."""
        names = sorted(self.logs)
        start = int(query.get("before") or 0)
        page = [
            {
                "id": name,
                "status": "open",
                "unread": 0,
                "last_activity": (START - timedelta(seconds=index)).isoformat().replace("+00:00", "Z"),
                "last_message": {"sender": {"role": "user"}, "content": f"last of {name}"},
            }
            for index, name in enumerate(names)
        ]
        more = str(start + 2) if start + 2 < len(names) else None
        return {"conversations": page[start : start + 2], "before": more}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeService

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def get_request(self) -> Any:
        request = super().get_request()
        self._open.add(request[0])
        return request

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""

    def cut(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class Answered(Exception):  # ends a route early
    def __init__(self, status: int, body: Any = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Streamed(Answered):
    def __init__(self, conversation: str, cursor: str, end: str | dict[str, Any]) -> None:
        super().__init__(200)
        self.args = (conversation, cursor, end)


def problem(status: int, code: str, title: str = "Wrong", **extra: Any) -> Answered:
    return Answered(status, {"type": "about:blank", "title": title, "status": status, "code": code, **extra})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""

    def _handle(self) -> None:
        fake = self.server.fake
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        fake.requests.append((self.command, parts.path, query))
        fake.bodies.append(body)
        fault = fake.faults.popleft() if fake.faults else None
        if fault == "refuse":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        try:
            if isinstance(fault, int):
                raise problem(fault, "unavailable", "Not now")
            if fake.key and self.headers.get("Authorization") != f"Bearer {fake.key}":
                raise problem(401, "unauthorized", "Unauthorized", detail="No credentials that hold.")
            raise self._route(parts.path, query, body)
        except Answered as answer:
            if isinstance(answer, Streamed):
                self._stream(*answer.args)
                return
            if fault == "lose" or not fake.running:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            body = answer.body
            content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(answer.status)
            kind = "application/json" if answer.status < 400 else "application/problem+json"
            if form := {"markdown": "text/markdown", "text": "text/plain"}.get(query.get("format", "")):
                kind = f"{form}; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815  # http.server names them

    def _route(self, path: str, query: dict[str, str], body: Any) -> Answered:
        fake = self.server.fake
        if canned := fake.canned.get((self.command, path)):
            return Answered(*canned)
        names = [unquote(part) for part in path.strip("/").split("/")]
        match self.command, names:
            case "GET", ["v1", "conversations"]:
                return Answered(200, fake.inbox(query))
            case "POST", ["v1", "conversations"]:
                return Answered(201, {"id": body["id"]})
            case "PATCH", ["v1", "conversations", conversation]:
                key = body.pop("client_id", None)
                answer = self._write(conversation, "update", {"changes": body, "client_id": key})
                return Answered(200, {"id": conversation}) if answer.status < 300 else answer
            case "POST", ["v1", "conversations", conversation, "entries"]:
                return self._write(conversation, body["kind"], body)
            case "DELETE", ["v1", "conversations", conversation]:
                fake.delete(conversation)
                return Answered(204)
            case "POST", ["v1", "conversations", conversation, "messages"]:
                return self._write(conversation, "message", body)
            case "PATCH", ["v1", "conversations", conversation, "messages", message]:
                return self._write(conversation, "edit", {"message_id": message, **body})
            case "GET", ["v1", "conversations", conversation, ("stream" | "events") as edge]:
                return self._follow(conversation, edge, query)
        return problem(404, "not_found", "Not Found")

    def _write(self, conversation: str, kind: str, fields: dict[str, Any]) -> Answered:
        fake = self.server.fake
        if conversation in fake.deleted:
            return problem(410, "conversation_deleted", "Gone")
        key = fields.pop("client_id", None)
        request = json.dumps(fields, sort_keys=True)
        with fake.changed:
            if key and (known := fake.keys.get((conversation, key))):
                if known[0] != request:
                    return problem(409, "idempotency_conflict", "Conflict")
                return self._appended(200, conversation, known[1], created=False)
            taken = {entry.get("message_id") for entry in fake.logs.get(conversation, [])}
            if kind == "message" and fields.get("message_id") in taken - {None}:
                return problem(409, "message_id_taken", "Conflict")
            entry = fake.append(conversation, kind, fields)
            if key:
                fake.keys[conversation, key] = (request, entry)
        return self._appended(201, conversation, entry, created=True)

    def _appended(self, status: int, conversation: str, entry: dict[str, Any], *, created: bool) -> Answered:
        cursor = f"{self.server.fake.epochs[conversation]}.{entry['seq']}"
        return Answered(status, {"entry": entry, "cursor": cursor, "created": created})

    def _follow(self, conversation: str, edge: str, query: dict[str, str]) -> Answered:
        if edge == "events":
            return self._events(conversation, query)
        streams = self.server.fake.streams
        if streams is None:
            return problem(404, "route_not_found", "Not Found")
        end = streams.popleft() if streams else "held"
        return Answered(204) if end == "off" else Streamed(conversation, query.get("after", "0"), end)

    def _stream(self, conversation: str, cursor: str, end: str | dict[str, Any]) -> None:
        fake = self.server.fake
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self._event("status", {"state": "open", "mode": "local", "cursor": cursor, "head": 0})
        epoch, _, after = cursor.rpartition(".")
        seq = int(after)
        sent = 0
        while fake.running and (end == "held" or sent < 2):
            with fake.changed:
                log = fake.logs.get(conversation, [])
                if epoch and (epoch != fake.epochs.get(conversation) or seq > len(log)):
                    end = {"state": "closed", "code": "cursor_expired", "reconnect": "never", "detail": "Another log."}
                    break
                if len(log) <= seq:
                    fake.changed.wait(0.05)
                    continue
                entry = log[seq]
            seq, sent = seq + 1, sent + 1
            self._event("entry", entry, f"{fake.epochs[conversation]}.{seq}")
            self._event("signal", {"signal": "from the future"})
        if isinstance(end, dict):
            self._event("status", end)

    def _event(self, name: str, data: Any, id_: str | None = None) -> None:
        text = data["raw"] if "raw" in data else json.dumps(data)
        lines = [f"event: {name}", *([f"id: {id_}"] if id_ else []), f"data: {text}", "", ": ping", "", ""]
        self.wfile.write("\n".join(lines).encode())
        self.wfile.flush()

    def _events(self, conversation: str, query: dict[str, str]) -> Answered:
        fake = self.server.fake
        epoch, _, after = query.get("after", "0").rpartition(".")
        end = time.monotonic() + min(float(query.get("wait", 0)), 0.5)
        with fake.changed:
            while True:
                log = fake.logs.get(conversation, [])
                if conversation in fake.deleted:
                    return problem(410, "conversation_deleted", "Gone", detail="It was deleted.")
                if epoch and (epoch != fake.epochs.get(conversation) or int(after) > len(log)):
                    return problem(410, "cursor_expired", "Gone", detail="Another log.", start="0")
                if len(log) > int(after) or time.monotonic() >= end or not fake.running:
                    break
                fake.changed.wait(0.05)
            entries = log[int(after) :][: min(int(query.get("limit", fake.page)), fake.page)]
            last = entries[-1]["seq"] if entries else int(after)
            return Answered(
                200,
                {
                    "entries": entries,
                    "cursor": f"{fake.epochs[conversation]}.{last}" if conversation in fake.epochs else "0",
                    "head": len(log),
                    "has_more": last < len(log),
                    "poll_after_ms": 250,
                    "mode": "local",
                    "drafts": [],
                },
            )


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService()
    yield fake
    fake.stop()


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command against an address where nothing answers, or against `service`."""
    for name in ("UMBRAL_CHAT_URL", "UMBRAL_CHAT_KEY", "UMBRAL_CHAT_CONFIG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    def invoke(*args: str, service: FakeService | None = None, input: str | bytes | None = None) -> Result:  # noqa: A002
        # Port 9 is discard's: nothing listens there on a machine of today.
        url = service.url if service else "http://127.0.0.1:9"
        return CliRunner().invoke(cli, ["--url", url, *args], input=input, prog_name="umbral-chat")

    return invoke
