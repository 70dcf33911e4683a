"""The tutorial on Supabase does what it says: its commands, run as they stand, on a local Supabase."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.local_supabase.stack.api import Stack
from tests.ports import free_port

from .pages import ROOT, blocks
from .session import service, surroundings

PAGE = ROOT / "docs" / "tutorial" / "supabase.md"
KEY = "choose-a-long-random-text"


@pytest.mark.slow
def test_a_user_talks_with_n8n_and_a_stranger_reads_nothing(supabase: Stack, tmp_path: Path) -> None:
    start, serve, *steps = [block.text for block in blocks(PAGE) if block.language == "sh"]
    assert start.strip() == "make supabase"
    assert KEY in serve
    assert len(steps) == 6
    port = free_port()
    settings = {
        "UMBRAL_CHAT_SUPABASE__URL": supabase.url,
        "UMBRAL_CHAT_SUPABASE__KEY": supabase.secret_key,
        "UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "n8n", "key": KEY}]),
    }
    environ = surroundings(tmp_path)
    with service(tmp_path, port, environ | settings):
        # A line before each step, which separates their outputs.
        script = "set -euo pipefail\n" + "\n".join(f"echo '== {n}'\n{step}" for n, step in enumerate(steps))
        script = script.replace("http://127.0.0.1:8750", f"http://127.0.0.1:{port}")
        script = script.replace(".venv/bin/python", "python")
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environ
            | {
                "SUPABASE_URL": supabase.url,
                "SUPABASE_PUBLISHABLE_KEY": supabase.publishable_key,
                "PATH": environ.get("PATH", os.defpath),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    printed = [part.strip() for part in done.stdout.split("== ")[1:]]
    _, made, answered, polled, read, stranger = [part.partition("\n")[2] for part in printed]
    assert '"Welcome!"' in made
    assert json.loads(answered)["entry"]["content"] == "Thank you"
    assert [entry["content"] for entry in json.loads(polled)["entries"] if entry["kind"] == "message"] == [
        "Welcome!",
        "Thank you",
    ]
    assert read == "['Welcome!', 'Thank you']"
    nothing, _, refused = stranger.partition("\n")
    assert nothing == "[]"
    assert json.loads(refused)["code"] == "forbidden"
