"""The whole lab against a toy service: one that keeps every promise, and ones that break a single promise each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CAUGHT_AS = {
    "early": "lost",
    "forgetful": "duplicated",
    "skipping": "gap",
    "repeating": "duplicated",
    "dropping": "gap",
    "swapping": "reordered",
    "trimming": "altered",
}


def command(fault: str, *arguments: str) -> list[str]:
    server = f"{sys.executable} {HERE / 'faulty_server.py'} {fault}"
    return [sys.executable, "-m", "tests.labs.crash", "--seed", "7", *arguments, "--server", server]


def torture(fault: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(fault, "--messages", "2400", "--kills", "2", "--deadline", "90"),
        cwd=HERE.parents[2],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_a_service_that_keeps_its_promises_passes_although_kills_cost_answers(tmp_path: Path) -> None:
    done = torture("honest", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every promise held." in done.stdout
    assert list(tmp_path.iterdir()) == []
    (hits,) = [line for line in done.stdout.splitlines() if "kills that cost an answer" in line]
    assert "2" in hits


@pytest.mark.slow
@pytest.mark.parametrize("fault", CAUGHT_AS)
def test_a_service_that_breaks_one_promise_fails_with_the_facts(fault: str, tmp_path: Path) -> None:
    done = torture(fault, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"\n{CAUGHT_AS[fault]}: " in done.stdout
    assert "SEED=7" in done.stdout


def running(mark: str) -> list[str]:
    lines = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(process.read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [line for line in lines if mark in line and "faulty_server.py" in line and "tests.labs.crash" not in line]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_driver_that_is_ended_leaves_no_service_running(how: signal.Signals, tmp_path: Path) -> None:
    driver = subprocess.Popen(
        command(f"honest {tmp_path}", "--messages", "1000000", "--kills", "1"),
        cwd=HERE.parents[2],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    try:
        assert within(30.0, lambda: len(running(str(tmp_path))) == 1)
        driver.send_signal(how)
        assert driver.wait(30.0) in {143, -9}
        assert within(10.0, lambda: not running(str(tmp_path)))
    finally:
        driver.kill()
        driver.wait()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()
