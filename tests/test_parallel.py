"""The suite itself: tests that share what is dear to make run in one worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.parallel import TOGETHER, shared

ROOT = Path(__file__).parents[1]

TEST = """
import os, time, pytest

@pytest.mark.parametrize("n", range(8))
def test_it(n):
    time.sleep(0.02)
    with open("seen", "a") as seen:
        seen.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_every_place_is_there() -> None:
    assert all((ROOT / place).exists() for place in TOGETHER)


def test_each_test_is_dealt_out_by_itself_but_for_those_of_a_shared_place() -> None:
    alone = "core/tests/test_x.py::test_y[tests/packaging/]"
    assert shared(alone) == alone
    assert shared("tests/packaging/test_a.py::test_x[a]") == shared("tests/packaging/test_b.py::test_y") != alone


def test_the_workers_are_given_them_so(tmp_path: Path) -> None:
    """Where pytest-xdist groups by node ids that pytest no longer lets it change, it says nothing and does not."""
    assert workers(tmp_path, "tests/packaging") == 1
    assert workers(tmp_path, "tests/elsewhere") == 2


def workers(root: Path, folder: str) -> int:
    """How many of two workers ran the tests of a folder."""
    for name in ("a", "b"):
        path = root / folder / f"test_{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEST, encoding="utf-8")
    plugins = ["-p", "xdist", "-p", "tests.parallel", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(root), *plugins]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "--import-mode=importlib", "-n", "2", folder],
        cwd=root,
        env=environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = (root / "seen").read_text(encoding="utf-8").split()
    (root / "seen").unlink()
    assert len(seen) == 16
    return len(set(seen))
