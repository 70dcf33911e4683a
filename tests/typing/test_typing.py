"""The public names are typed: right uses pass a strict checker, and wrong ones do not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .strict import ROOT, strict

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
    sources = [ROOT / path for path in ("core/src", "plugins/polling/src", "plugins/presence/src")]
    return strict(*files, folder=files[0].parent, sources=sources)


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
