"""What operators see of realtime, with a transport that does what a test tells it to: status, readiness, the toggle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from umbral_chat import hookimpl
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins.boot import boot

from ..failover.transports import ScriptedTransport  # noqa: TID252 - tests are no package
from .conftest import KEYS, Client, entered, service


class Pushing:
    """A plugin with one transport above polling."""

    def __init__(self, transport: ScriptedTransport) -> None:
        self._transport = transport

    @hookimpl
    def umbral_chat_transport(self) -> ScriptedTransport:
        return self._transport


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport("pushing", 100)


@pytest.fixture
async def pushing(tmp_path: Path, transport: ScriptedTransport) -> AsyncIterator[Client]:
    """An app with it, asked with the first key. A pause after a failure is long."""

    class Here(EntryPoint):
        def load(self) -> Any:
            return Pushing(transport)

    # Its own file in any case: with this plugin alone there is no other store.
    settings = {
        "CONFIG": "",
        "CORE__DATABASE": str(tmp_path / "chat.sqlite3"),
        "CORE__KEYS": json.dumps(KEYS),
        "REALTIME__RETRY__INITIAL": "60",
        "REALTIME__RETRY__JITTER": "0",
    }
    environ = {f"UMBRAL_CHAT_{name}": value for name, value in settings.items()}
    app = create_app(*boot(environ=environ, entry_points=[Here("pushing", "acme", "umbral_chat")]))
    async with entered(app) as client:
        client.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
        await until(client, lambda row: row["state"]["state"] == "live")
        yield client


async def until(client: Client, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status, once the transport's row in it is so."""
    for _ in range(200):
        status: dict[str, Any] = (await client.get("/v1/status")).json()
        if holds(status["transports"][0]):
            return status
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that")


async def realtime_check(client: Client) -> tuple[str, dict[str, Any]]:
    ready = (await client.get("/health/ready")).json()
    (found,) = (check["result"] for check in ready["checks"] if check["name"] == "realtime")
    return ready["status"], found


async def test_readiness_and_status_follow_realtime_through_live_down_and_off(
    pushing: Client, transport: ScriptedTransport
) -> None:
    state, check = await realtime_check(pushing)
    assert (state, check["ok"]) == ("ready", True)
    assert check["detail"].startswith("pushing is live since 2026-01-01T00:00:00Z")

    transport.become("down", "the key was refused")
    # It says so itself first, and is then stopped until its next try.
    status = await until(pushing, lambda row: row["state"]["state"] == "down" and "next_attempt_in" in row)
    (row,) = status["transports"]
    assert row["state"]["reason"] == "the key was refused"
    assert row["state"]["since"] > "2026-01-02"
    assert 50 < row["next_attempt_in"] <= 60
    state, check = await realtime_check(pushing)
    assert (state, check["ok"]) == ("degraded", False)
    assert "pushing is down since" in check["detail"]
    assert "the key was refused; next attempt in" in check["detail"]
    assert "umbral-chat status --watch" in check["mend"]

    switched = (await pushing.put("/v1/admin/realtime", json={"enabled": False})).json()
    status = await until(pushing, lambda row: row["state"]["state"] == "off")
    assert status["realtime"] == switched
    assert (switched["by"], "next_attempt_in" in status["transports"][0]) == ("key:n8n", False)
    state, check = await realtime_check(pushing)
    assert (state, check["ok"]) == ("ready", True), "what is switched off on purpose is well"
    assert check["detail"].startswith("switched off since 20")
    assert "n8n" not in check["detail"], "readiness is open to all"


async def test_only_who_has_the_right_switches_and_sees(pushing: Client) -> None:
    for right, call in (("admin", "put"), ("status", "get")):
        body = {"json": {"enabled": False}} if call == "put" else {}
        headers = {"authorization": f"Bearer {KEYS[1]['key']}"}
        answer = await getattr(pushing, call)("/v1/admin/realtime", headers=headers, **body)
        assert (answer.status_code, answer.json()["code"], answer.json()["right"]) == (403, "forbidden", right)
    assert (await pushing.get("/v1/admin/realtime")).json() == {"enabled": True}


@pytest.mark.parametrize(
    ("start", "then", "locked"),
    [(None, False, False), ("true", False, False), ("false", False, True)],
)
async def test_what_was_switched_wins_over_the_start_value(
    tmp_path: Path, start: str | None, *, then: bool, locked: bool
) -> None:
    async with service(tmp_path) as client:
        assert (await client.get("/v1/status")).json()["realtime"]["enabled"] is True
        assert (await client.put("/v1/admin/realtime", json={"enabled": False})).status_code == 200
    async with service(tmp_path, **({} if start is None else {"realtime__enabled": start})) as client:
        toggle = (await client.get("/v1/status")).json()["realtime"]
        assert (toggle["enabled"], toggle.get("locked", False)) == (then, locked)
