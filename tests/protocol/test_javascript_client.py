"""The protocol suite against the JavaScript client: Node's own runner plays the same table."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.local_supabase.stack.npm import node

from .test_python_client import SCENARIOS

HERE = Path(__file__).parent

TIMEOUT = 240.0
"""Seconds. It takes one; a machine that other tests share may be much slower."""


def test_protocol() -> None:
    command = [str(node()), "--test", "--test-reporter=spec", "javascript.test.mjs"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert not done.returncode, done.stdout[-8000:] + done.stderr[-4000:]
    played = [one for one in SCENARIOS if "javascript" in one.get("clients", ["javascript"])]
    assert f"ℹ pass {len(played)}" in done.stdout
