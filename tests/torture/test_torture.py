"""The whole torture against a toy service: one that keeps every promise, and ones that break a single promise each."""

from __future__ import annotations

import os
import subprocess
import sys
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


def torture(lie: str, folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--messages", "2400", "--kills", "2", "--seed", "7", "--deadline", "90"]
    return subprocess.run(
        [sys.executable, "-m", "tests.torture", *arguments, "--server", f"{sys.executable} {HERE / 'liar.py'} {lie}"],
        cwd=HERE.parent.parent,
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
@pytest.mark.parametrize("lie", CAUGHT_AS)
def test_a_service_that_breaks_one_promise_fails_with_the_facts(lie: str, tmp_path: Path) -> None:
    done = torture(lie, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"\n{CAUGHT_AS[lie]}: " in done.stdout
    assert "SEED=7" in done.stdout
