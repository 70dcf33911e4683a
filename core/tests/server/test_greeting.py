"""The first commands that `serve` prints can be copied and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from umbral_chat._core.server.greeting import command_of, greeting

URL = "http://127.0.0.1:8750"


def test_without_a_key_no_command_has_one() -> None:
    lines = greeting(URL, keyless=True)
    assert f"  umbral-chat --url {URL} tail -f demo" in lines
    assert not any("YOUR_KEY" in line for line in lines)


def test_with_keys_every_command_says_where_the_key_goes() -> None:
    commands = [line for line in greeting(URL, keyless=False) if line.startswith("  ") and "browser" not in line]
    assert len(commands) == 3
    assert all("YOUR_KEY" in line for line in commands)
    assert f"  UMBRAL_CHAT_KEY=YOUR_KEY umbral-chat --url {URL} tail -f demo" in commands


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/srv/chat/.venv/bin/umbral-chat", ".venv/bin/umbral-chat"),
        (".venv/bin/umbral-chat", ".venv/bin/umbral-chat"),
        ("/usr/local/bin/umbral-chat", "umbral-chat"),
        ("/usr/lib/python3/site-packages/umbral_chat/__main__.py", "umbral-chat"),
        ("-c", "umbral-chat"),
    ],
)
def test_the_command_is_the_one_that_this_shell_can_run(program: str, command: str) -> None:
    assert command_of(program, Path("/srv/chat")) == command


def test_a_folder_with_a_space_is_quoted() -> None:
    line = greeting(URL, keyless=True, command="my env/bin/umbral-chat")[3]
    assert line == f"  'my env/bin/umbral-chat' --url {URL} tail -f demo"
