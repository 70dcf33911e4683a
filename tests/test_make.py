"""What `make` runs: its arguments reach the programs, and the names of an earlier version still work."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.labs.__main__ import LABS, command, main

ROOT = Path(__file__).parents[1]


def dry_run(*arguments: str) -> str:
    done = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return re.sub(r"\\\n\s*", "", done.stdout)


def test_run_hands_its_arguments_to_serve() -> None:
    assert "umbral-chat serve --port 8751" in dry_run("run", "ARGS=--port 8751")


def test_help_shows_at_most_a_dozen_targets() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 8 <= len(done.stdout.splitlines()) <= 12


def test_a_lab_is_run_with_its_seed_and_arguments() -> None:
    assert 'python -m tests.labs "crash"  --seed 7 --kills 1' in dry_run(
        "lab", "NAME=crash", "SEED=7", "ARGS=--kills 1"
    )
    assert 'python -m tests.labs "faults" --seeds 3' in dry_run("lab", "NAME=faults", "SEEDS=3")


@pytest.mark.parametrize("name", LABS)
def test_every_lab_is_there(name: str) -> None:
    module = ROOT.joinpath("tests/labs", *LABS[name].module.split("."))
    assert module.with_suffix(".py").exists() or (module / "__main__.py").exists()


def test_a_lab_gets_only_what_it_takes() -> None:
    assert command("crash-short", ["--seed", "7", "--readers", "2"])[1:] == [
        *("tests.labs.crash", "--messages", "5000", "--kills", "3", "--seed", "7", "--readers", "2")
    ]
    assert command("faults", ["--seeds", "3"])[1:] == ["tests.labs.faults", "--seeds", "3"]
    assert command("faults-short", ["--seed", "7"])[1:] == ["tests.labs.faults", "--seed", "2,3,6"]
    assert command("presence-short", [])[-2:] == ["--seed", "2"]
    assert command("security", ["--short"])[1:] == ["tests.labs.security", "--short"]


@pytest.mark.parametrize("arguments", [[], [""], ["crsh"]])
def test_a_name_that_is_none_lists_the_labs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert all(f"\n  {name} " in said for name in LABS)
    assert "'crsh'" in said or arguments != ["crsh"]


def test_a_bench_that_is_none_is_refused_before_anything_is_measured() -> None:
    said = dry_run("bench", "NAME=x").splitlines()
    (refused,) = [
        number for number, line in enumerate(said) if "NAME is one of: supabase realtime polling presence" in line
    ]
    assert "exit 2" in said[refused]
    assert "python -m bench.presence" in dry_run("bench", "NAME=presence")
    assert "python -m bench --before python3" in dry_run("bench", "ARGS=--before python3")


MOVED = {
    "torture": "lab NAME=crash",
    "torture-short": "lab NAME=crash-short",
    "torture-supabase": "lab NAME=crash-supabase",
    "torture-realtime": "lab NAME=realtime",
    "faults": "lab NAME=faults",
    "faults-short": "lab NAME=faults-short",
    "faults-mutations": "lab NAME=faults-mutations",
    "presence-lab": "lab NAME=presence",
    "presence-lab-short": "lab NAME=presence-short",
    "presence-lab-mutations": "lab NAME=presence-mutations",
    "api-fuzz": "lab NAME=fuzz",
    "security": "lab NAME=security",
    "demo-data": "lab NAME=replay",
    "bench-supabase": "bench NAME=supabase",
    "bench-realtime": "bench NAME=realtime",
    "bench-polling": "bench NAME=polling",
    "bench-presence": "bench NAME=presence",
}


@pytest.mark.parametrize("old", MOVED)
def test_a_target_of_an_earlier_version_names_the_new_command_and_runs_it(old: str) -> None:
    kind, _, name = MOVED[old].partition(" NAME=")
    said = dry_run(old, "SEED=5", "ARGS=--help")
    assert f'echo "make {old} is now: make {MOVED[old]}" >&2' in said
    if kind == "bench":
        assert f"python -m bench.{name} --help" in said
    else:
        assert f'python -m tests.labs "{name}"  --seed 5 --help' in said
