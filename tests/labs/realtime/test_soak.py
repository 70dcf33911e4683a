"""The whole soak against services that cannot keep its promises: it must say so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def soak(settings: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    server = f"env {settings} umbral-chat serve"
    command = [sys.executable, "-m", "tests.labs.realtime", "--seed", "7", "--logs", str(folder), "--server", server]
    return subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_a_service_that_is_never_live_does_not_pass(tmp_path: Path) -> None:
    done = soak("UMBRAL_CHAT_SUPABASE__REALTIME=false", tmp_path, "--messages", "100", "--brisk", "0.1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not live within" in done.stdout
    assert "SEED=7" in done.stdout


@pytest.mark.slow
def test_a_service_whose_entries_come_too_late_does_not_pass(tmp_path: Path) -> None:
    """It looks where the logs stand every 60 s only, and sockets that are half-open tell it nothing for 9 s."""
    late = "UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL=60 UMBRAL_CHAT_SUPABASE__HEARTBEAT=4.5"
    done = soak(late, tmp_path, "--messages", "200", "--faults", "half_open", "--brisk", "0.5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "\nlate: " in done.stdout
    assert "\nlost: " not in done.stdout
