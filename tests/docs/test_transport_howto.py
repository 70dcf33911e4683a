"""The plugin of `how-to/write-a-transport.md`, taken from the page: it keeps the contract, and a service uses it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.typing.strict import strict

from .pages import ROOT, blocks
from .session import service, surroundings, write

PAGE = ROOT / "docs" / "how-to" / "write-a-transport.md"
pytestmark = pytest.mark.slow


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package as a reader who typed it in has it."""
    for block in blocks(PAGE):
        if block.file is not None:
            write(block, tmp_path)
    return tmp_path


def installed(package: Path) -> dict[str, str]:
    """The environment of somebody who has installed it: its modules and its metadata are found."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = package / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    required = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    head = f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head + required, encoding="utf-8")
    points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["umbral_chat"].items())
    (info / "entry_points.txt").write_text(f"[umbral_chat]\n{points}", encoding="utf-8")
    return surroundings(package, PYTHONPATH=str(package / "src"))


def test_it_keeps_the_contract(package: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


def test_it_is_typed_as_the_interface_wants_it(package: Path) -> None:
    (package / "use.py").write_text(
        "from acme_filewatch.plugin import umbral_chat_transport\n"
        "from umbral_chat import Base, Storage, Transport\n\n\n"
        "def use(base: Base, storage: Storage) -> Transport | None:\n"
        "    return umbral_chat_transport(base, storage)\n",
        encoding="utf-8",
    )
    done = strict("use.py", "src/acme_filewatch", folder=package, sources=[package / "src", ROOT / "core" / "src"])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_service_finds_it_and_is_live_with_it(package: Path) -> None:
    environ = installed(package)
    done = subprocess.run(
        ["umbral-chat", "plugins", "--json"], cwd=package, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    plugin = next(one for one in json.loads(done.stdout)["plugins"] if one["name"] == "filewatch")
    assert plugin["state"] == "active"
    here, there = package / "here", package / "there"
    shared = {"UMBRAL_CHAT_CORE__DATABASE": str(package / "chat.sqlite3")}
    for folder in (here, there):
        folder.mkdir()
    with service(here, free_port(), environ | shared) as first, service(there, free_port(), environ | shared) as second:
        end = time.monotonic() + 30  # it serves before its transport has had the store's first answer
        while (status := ask(f"{second}/v1/status"))["mode"] != "live" and time.monotonic() < end:
            time.sleep(0.05)
        used = next(one for one in status["transports"] if one["name"] == "filewatch")
        assert (status["mode"], used["in_use"], used["state"]["state"]) == ("live", True, "live"), status
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(ask, f"{second}/v1/conversations/room/events?wait=30")
            time.sleep(0.5)  # so that it waits; should it not yet, it finds the entry all the same
            ask(f"{first}/v1/conversations/room/messages", b'{"content": "over there"}')
            found = waiting.result(timeout=40)
    assert [entry["content"] for entry in found["entries"]] == ["over there"]


def ask(url: str, body: bytes | None = None) -> dict[str, Any]:
    """One request; its answer."""
    with urllib.request.urlopen(url, body, timeout=60) as answer:  # noqa: S310 - our own loopback URL
        found: dict[str, Any] = json.load(answer)
        return found
