"""The public names are typed: right uses pass a strict checker, and wrong ones do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

WRONG = {
    "a name that is not there": ("from umbral_chat import Kursor\n", '"Kursor"'),
    "a cursor of a number": ("from umbral_chat import Cursor\n\nCursor.parse(5)\n", '"int"'),
    "a transport without publish": (
        "from umbral_chat import Transport\n\n\nclass Half:\n    name = 'half'\n\n\nhalf: Transport = Half()\n",
        '"Transport"',
    ),
    "an any": ("from umbral_chat import START\n\ntext: str = START.seq\n", '"int"'),
}


def check(*files: Path) -> subprocess.CompletedProcess[str]:
    """mypy as an author runs it, from outside the repository."""
    sources = os.pathsep.join(str(ROOT / path) for path in ("core/src", "plugins/polling/src", "plugins/presence/src"))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", *map(str, files)]
    return subprocess.run(
        command,
        cwd=files[0].parent,
        env={**os.environ, "MYPYPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_uses_of_a_plugin_author_are_right() -> None:
    done = check(ROOT / "tests" / "typing" / "api.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_uses_are_found(tmp_path: Path) -> None:
    files = []
    for number, (source, _) in enumerate(WRONG.values()):
        files.append(tmp_path / f"wrong_{number}.py")
        files[-1].write_text(source, encoding="utf-8")
    said = check(*files).stdout.splitlines()
    for number, (what, (_, names)) in enumerate(WRONG.items()):
        assert any(line.startswith(f"wrong_{number}.py:") and names in line for line in said), what
