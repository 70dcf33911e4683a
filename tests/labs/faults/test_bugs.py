"""Each deliberate bug can be put in: what it changes is still there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.local_supabase.process import ROOT

from .mutations import FIRST, SEEDS, bugs
from .schedule import schedule

PUT_IN = "import sys; from tests.labs.faults.bugs import BUGS; BUGS[sys.argv[1]].make(); print(BUGS[sys.argv[1]].what)"


def test_there_are_the_six_of_the_issue_and_seeds_to_find_them() -> None:
    assert len(bugs()) == 6
    assert FIRST.keys() <= bugs().keys()
    assert all(schedule(seed).faults for seed in (*SEEDS, *FIRST.values()))


@pytest.mark.parametrize("bug", bugs())
def test_it_can_be_put_in(bug: str) -> None:
    command = [sys.executable, "-c", PUT_IN, bug]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == bugs()[bug]
