"""A running Umbral Chat on a free port with its own database, and the requests that the tests send to it."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n8n.e2e.harness.process import clean_env, process, say
from n8n.e2e.harness.web import Answer, call, wait_until
from tests.ports import free_port

START_LIMIT = 60.0
HOLD_BACK = 1.0
"""Seconds after which one who left is no longer shown as present."""


@dataclass(frozen=True)
class UmbralChat:
    """The service's port, and the service key, which n8n has too."""

    port: int
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str, body: object = None) -> Answer:
        return call(self.port, method, f"/v1/conversations/{path}", body, authorization=f"Bearer {self.key}")

    def subscribe(self, name: str, url: str, **fields: object) -> str:
        """Have events pushed to a URL, and return the subscription's secret."""
        body = {"name": name, "push": {"url": url}, **fields}
        answer = call(self.port, "POST", "/v1/subscriptions", body, authorization=f"Bearer {self.key}")
        assert answer.status == 201, answer
        return str(answer.body["secret"])

    def subscriptions(self) -> set[str]:
        """The names of those that are not paused and have begun: one is listed a moment before it has a place in the
        logs, and what is written in that moment is not given to it."""
        authorization = f"Bearer {self.key}"
        listed = call(self.port, "GET", "/v1/subscriptions", authorization=authorization).body["subscriptions"]
        names = [one["name"] for one in listed if not one["paused"]]
        found = [call(self.port, "GET", f"/v1/subscriptions/{name}", authorization=authorization) for name in names]
        return {one.body["name"] for one in found if one.status == 200 and one.body["open_claims"] is not None}

    def until_subscribed(self, names: set[str], limit: float = 60.0) -> None:
        """Wait until published triggers have their subscriptions, which n8n makes a moment after it has published them.
        Raises AssertionError after `limit` seconds."""
        end = time.monotonic() + limit
        while not names <= (found := self.subscriptions()):
            assert time.monotonic() < end, found
            time.sleep(0.1)

    def push(self, conversation: str, content: str, role: str = "agent") -> str:
        """Write a message without n8n, as an operator would; returns its cursor."""
        answer = self.call("POST", f"{conversation}/messages", {"content": content, "sender": {"role": role}})
        assert answer.status == 201, answer
        return str(answer.body["cursor"])

    def log(self, conversation: str) -> list[dict[str, Any]]:
        """Every entry from the beginning, in order."""
        entries: list[dict[str, Any]] = []
        cursor, more = "0", True
        while more:  # also where an entry was stored while the others were read
            answer = self.call("GET", f"{conversation}/events?after={cursor}")
            assert answer.status == 200, answer
            entries += answer.body["entries"]
            cursor, more = answer.body["cursor"], answer.body["has_more"]
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        return entries

    def until(self, conversation: str, messages: int, limit: float = 60.0) -> list[tuple[str, str]]:
        """The messages as (role, content), once there are so many. Raises AssertionError after `limit` seconds."""
        end = time.monotonic() + limit
        while len(found := self.messages(conversation)) < messages:
            assert time.monotonic() < end, f"{conversation}: {found} after {limit:.0f} s"
            time.sleep(0.02)
        return found

    def typing(self, conversation: str) -> list[tuple[str, str]]:
        """Who types, as a poll shows it: (role, name)."""
        answer = self.call("GET", f"{conversation}/events?after=0")
        assert answer.status == 200, answer
        return [(one["role"], one["name"]) for one in answer.body["typing"]]

    def present(self, conversation: str) -> dict[str, int]:
        """How many people of each role are present."""
        answer = self.call("GET", f"{conversation}/presence")
        assert answer.status == 200, answer
        counts: dict[str, int] = answer.body["counts"]
        return counts

    def messages(self, conversation: str) -> list[tuple[str, str]]:
        """The messages in the log as (role, content)."""
        log = self.log(conversation)
        return [(entry["sender"]["role"], entry["content"]) for entry in log if entry["kind"] == "message"]


@contextmanager
def umbral_chat(command: str, folder: Path, log: Path, **settings: str) -> Iterator[UmbralChat]:
    """Start `umbral-chat serve` with one service key, as an operator who runs n8n would; `settings`: further ones, by
    the names of their variables without the prefix."""
    port = free_port()
    service = UmbralChat(port, secrets.token_urlsafe(24))
    keys = json.dumps([{"name": "n8n", "key": service.key, "rights": ["*"]}])
    given = {f"UMBRAL_CHAT_{name}": value for name, value in settings.items()}
    # Where n8n's webhooks are.
    given |= {"UMBRAL_CHAT_CORE__OUTBOUND__ALLOW": '["127.0.0.0/8"]'}
    given |= {"UMBRAL_CHAT_CORE__KEYS": keys, "UMBRAL_CHAT_PRESENCE__HOLD_BACK": str(HOLD_BACK)}
    env = clean_env(["UMBRAL_CHAT_"], **given)
    options = ["--port", str(port), "--database", str(folder / "log.sqlite3")]
    with process([command, "serve", *options], log=log, env=env, cwd=folder) as child:
        wait_until(
            "umbral-chat serve",
            lambda: call(port, "GET", "/health/ready").status == 200,
            limit=START_LIMIT,
            alive=lambda: child.poll() is None,
        )
        say(f"umbral-chat serve: {service.url}")
        yield service
