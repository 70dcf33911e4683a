"""`python -m tests.labs.presence.mutations`: exit code 0 when each deliberate bug fails a run that passes without it.

The lab is what is tried here: a lab that finds nothing wrong with a broken service says nothing of a sound one."""

from __future__ import annotations

import argparse
import ast
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.local_supabase.process import stack_process

from .__main__ import run_one
from .plan import Plan
from .verdict import Violation

BUGS = Path(__file__).with_name("bugs.py")


def bugs() -> dict[str, str]:
    """Name and meaning of each, read and not imported: its module belongs to the service's process."""
    for node in ast.parse(BUGS.read_text("utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "BUGS":
            assert isinstance(node.value, ast.Dict)
            calls = [value for value in node.value.values if isinstance(value, ast.Call)]
            keys = [ast.literal_eval(key) for key in node.value.keys if key is not None]
            return dict(zip(keys, (ast.literal_eval(call.args[0]) for call in calls), strict=True))
    raise LookupError(f"{BUGS} has no BUGS")


def main(arguments: list[str]) -> int:
    """Try each bug, then the same run without any."""
    options = _parser().parse_args(arguments)
    folder, began = Path(tempfile.mkdtemp(prefix="presence-mutations-")), time.monotonic()
    found: dict[str, list[Violation]] = {}
    with stack_process(folder, fast=True) as stack:
        for bug in [*(options.bugs or bugs()), None]:
            name = bug or "none"
            print(f"== {name}", flush=True)
            plan = Plan(seed=options.seed, rounds=1, chaos=10.0, people=80, prefix=f"{name}-")
            (folder / name).mkdir()
            found[name] = run_one(plan, bug, folder / name, stack)
    sound = found.pop("none")
    for bug, violations in found.items():
        kinds = Counter(violation.kind for violation in violations)
        violations[:] = [violation for violation in violations if violation.kind != "tame"]
        print(f"{bug}: {', '.join(f'{kind} ({count})' for kind, count in kinds.most_common()) or 'NOT CAUGHT'}")
    print(f"{time.monotonic() - began:.0f} s")
    if sound or not all(found.values()):
        print(f"The lab is BROKEN: a bug was not caught, or the sound service failed. The logs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    print("Every bug was caught, and the same run passes without one.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.presence.mutations", description=__doc__)
    parser.add_argument("bugs", nargs="*", help=f"of {', '.join(bugs())}; all, if none is named")
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
