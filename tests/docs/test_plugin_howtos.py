"""The plugins of `how-to/write-a-consumer.md` and `how-to/use-services.md`, taken from the pages, in a service."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.typing.strict import strict

from .pages import ROOT, blocks
from .session import service, write
from .test_transport_howto import ask, installed

CONSUMER, SERVICES = (ROOT / "docs" / "how-to" / name for name in ("write-a-consumer.md", "use-services.md"))
pytestmark = pytest.mark.slow


def typed_in(page: Path, folder: Path) -> dict[str, str]:
    """The page's package as a reader has it who typed it in, and the environment in which it is installed."""
    for block in blocks(page):
        if block.file is not None:
            write(block, folder)
    return installed(folder)


@pytest.mark.parametrize(("page", "package"), [(CONSUMER, "acme_hours"), (SERVICES, "acme_digest")])
def test_they_are_typed_as_the_interfaces_want_them(page: Path, package: str, tmp_path: Path) -> None:
    typed_in(page, tmp_path)
    done = strict(f"src/{package}", folder=tmp_path, sources=[tmp_path / "src", ROOT / "core" / "src"])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_the_consumers_page_pass(tmp_path: Path) -> None:
    typed_in(CONSUMER, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_consumer_answers_each_message_once_those_sent_while_it_was_down_too(tmp_path: Path) -> None:
    environ = typed_in(CONSUMER, tmp_path) | {"UMBRAL_CHAT_HOURS__OPENS": "0", "UMBRAL_CHAT_HOURS__CLOSES": "0"}
    send = "v1/conversations/room/messages"
    with service(tmp_path, free_port(), environ | {"UMBRAL_CHAT_CORE__DISABLED_PLUGINS": '["hours"]'}) as url:
        ask(f"{url}/{send}", b'{"content": "Anybody there?", "message_id": "first"}')
    with service(tmp_path, free_port(), environ) as url:
        ask(f"{url}/{send}", b'{"content": "Hello?", "message_id": "second"}')
        end = time.monotonic() + 60
        while len(messages := ask(f"{url}/{send}")["messages"]) < 4:
            assert time.monotonic() < end, messages
            time.sleep(0.1)
        time.sleep(0.5)  # in which it would answer itself
        messages = ask(f"{url}/{send}")["messages"]
    answers = [message for message in messages if message["sender"]["role"] == "assistant"]
    assert sorted(answer["reply_to"] for answer in answers) == ["first", "second"]
    assert {answer["sender"]["name"] for answer in answers} == {"Desk"}
    assert len(messages) == 4


def test_the_route_gets_the_running_parts_and_the_doctor_the_check(tmp_path: Path) -> None:
    environ = typed_in(SERVICES, tmp_path)
    with service(tmp_path, free_port(), environ) as url:
        ask(f"{url}/v1/conversations/room/messages", b'{"content": "Hello"}')
        found = [ask(f"{url}/v1/conversations/room/acme-digest") for _ in range(2)]
        ready = ask(f"{url}/health/ready")
        command = ["umbral-chat", "--url", url, "doctor", "--json"]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert [one["asked"] for one in found] == [1, 2]
    assert (found[0]["last"], found[0]["here"], found[0]["mode"]) == (["Hello"], [], "polling")
    assert [check["result"]["ok"] for check in ready["checks"] if check["name"] == "digest mode"] == [True]
    states = {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}
    assert (states["digest store"], states["digest mode"], states["service digest mode"]) == ("ok", "skipped", "ok")
