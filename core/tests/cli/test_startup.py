"""A command starts quickly: it loads what it needs and no more."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {"litestar", "apsw", "opentelemetry", "uvicorn", "umbral_chat_polling", "httpx", "rich", "msgspec"}

PROBE = """
import sys
from umbral_chat._core.cli import cli
cli({args!r}, standalone_mode=False)
print()
print(" ".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def loaded_by(*args: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", PROBE.format(args=list(args))], capture_output=True, text=True, check=True, timeout=60
    )
    return set(result.stdout.splitlines()[-1].split())


def test_version_loads_nothing_of_the_service() -> None:
    assert not loaded_by("version") & HEAVY


def test_a_command_that_talks_to_a_service_loads_no_service() -> None:
    assert not loaded_by("send", "--help") & {"litestar", "apsw", "opentelemetry", "uvicorn", "umbral_chat_polling"}


def test_version_shows_the_core_the_plugins_and_python() -> None:
    command = [sys.executable, "-c", "from umbral_chat._core.cli import main; main()", "version", "--json"]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert shown["plugins"]["umbral-chat-polling"]
    assert shown["umbral_chat"]
    assert shown["python"] == sys.version.split()[0]
