"""The wheels in an empty environment: what is installed works, with polling and without."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.docs.session import service
from tests.ports import free_port

from .conftest import ROOT, Environment

pytestmark = pytest.mark.slow


@contextmanager
def served(environment: Environment, folder: Path) -> Iterator[str]:
    """A service of this environment on an empty store."""
    with service(folder, free_port(), environment.environ) as url:
        yield url


def ask(url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """One request: its status and its JSON."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=30) as answer:  # noqa: S310 - our own loopback URL
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_whole_installation_serves_sends_and_is_followed(slim: Environment, tmp_path: Path) -> None:
    with served(slim, tmp_path) as url:
        room = f"{url}/v1/conversations/room"
        status, sent = ask(f"{room}/messages", {"content": "Hello"})
        assert status == 201
        status, page = ask(f"{room}/events")
        assert (status, [one["content"] for one in page["entries"]]) == (200, ["Hello"])
        assert page["cursor"] == sent["cursor"]
        status, page = ask(f"{room}/events?after={page['cursor']}&wait=0.2")
        assert (status, page["entries"]) == (200, [])
        _, state = ask(f"{url}/v1/status")
        assert state["mode"] == "polling"


def test_the_command_line_of_the_whole_installation(slim: Environment, tmp_path: Path) -> None:
    version = json.loads(slim.run("umbral-chat", "version", "--json"))
    assert "0.1.0" in json.dumps(version)
    plugins = json.loads(slim.run("umbral-chat", "plugins", "--json"))["plugins"]
    assert [(one["name"], one["state"]) for one in plugins] == [("polling", "active")]
    with served(slim, tmp_path) as url:
        slim.run("umbral-chat", "--url", url, "send", "room", "Hello")
        assert "Hello" in slim.run("umbral-chat", "--url", url, "tail", "room")


def test_without_the_extra_presence_is_absent_and_everything_says_so(slim: Environment, tmp_path: Path) -> None:
    slim.fails("python", "-c", "import umbral_chat_presence")
    install = "pip install 'umbral-chat[presence]'"
    assert install in slim.fails("umbral-chat", "who", "room")
    assert install in slim.fails("umbral-chat", "config", UMBRAL_CHAT_PRESENCE__TTL="30")
    with served(slim, tmp_path) as url:
        for path in ("presence", "typing"):
            status, problem = ask(f"{url}/v1/conversations/room/{path}")
            assert (status, problem["code"]) == (404, "route_not_found")
        _, state = ask(f"{url}/v1/status")
        assert state["presence"] is None
        assert "presence and typing: no plugin provides them; pip install 'umbral-chat[presence]'" in state["missing"]
        assert ask(f"{url}/v1/conversations/room/messages", {"content": "Hello"})[0] == 201
        _, page = ask(f"{url}/v1/conversations/room/events?presence=0&device=tab")
        assert (len(page["entries"]), page["typing"], page["presence"]) == (1, [], None)


def test_what_is_installed_fits_together(slim: Environment) -> None:
    assert "No broken requirements" in slim.run("pip", "check")


def test_no_developer_tool_comes_along(slim: Environment) -> None:
    listed = {one["name"] for one in json.loads(slim.run("pip", "list", "--format", "json"))}
    assert {"umbral-chat", "umbral-chat-core", "umbral-chat-polling"} <= listed
    assert listed & {"pytest", "mypy", "ruff", "hypothesis", "supabase"} == set()


def test_the_core_alone_serves_sends_and_has_the_history(core_alone: Environment, tmp_path: Path) -> None:
    with served(core_alone, tmp_path) as url:
        room = f"{url}/v1/conversations/room"
        assert ask(f"{room}/messages", {"content": "Hello"})[0] == 201
        status, page = ask(f"{room}/messages")
        assert (status, [one["content"] for one in page["messages"]]) == (200, ["Hello"])


def test_the_core_alone_says_what_is_missing(core_alone: Environment, tmp_path: Path) -> None:
    assert json.loads(core_alone.run("umbral-chat", "plugins", "--json"))["plugins"] == []
    with served(core_alone, tmp_path) as url:
        status, problem = ask(f"{url}/v1/conversations/room/events")
        assert (status, problem["code"]) == (404, "route_not_found")
        _, state = ask(f"{url}/v1/status")
        assert any("pip install umbral-chat-polling" in line for line in state["missing"])
        assert state["mode"] == "local"


def test_a_checkout_can_be_installed_as_the_readme_says(slim: Environment) -> None:
    assert "pip install ./core ./plugins/polling .\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    paths = [str(ROOT / "core"), str(ROOT / "plugins" / "polling"), str(ROOT)]
    said = slim.run("pip", "install", "--disable-pip-version-check", "--dry-run", *paths)
    assert "Would install umbral-chat-" in said
