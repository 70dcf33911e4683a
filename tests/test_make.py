"""What `make` hands on."""

from __future__ import annotations

import subprocess
from pathlib import Path


def test_run_hands_its_arguments_to_serve() -> None:
    command = ["make", "--dry-run", "run", "ARGS=--port 8751"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    assert "umbral-chat serve --port 8751" in done.stdout
