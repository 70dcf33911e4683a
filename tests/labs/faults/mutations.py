"""`python -m tests.labs.faults.mutations`: exit code 0 when each deliberate bug fails a seed that passes without it.

The lab is what is tried here: a lab that finds nothing wrong with a broken service says nothing of a sound one."""

from __future__ import annotations

import argparse
import ast
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from tests.local_supabase.stack.api import Stack

from .page import between, table
from .schedule import WINDOW_SEED, schedule
from .seeds import opened, run_one
from .verdict import Verdict

SEEDS = (3, 2, 1)
"""In this order, until one fails."""

FIRST = {"live-before-the-fill": WINDOW_SEED, "share-a-queue": 2, "drop-on-overflow": 1}
"""The seed that is most likely to find a bug, where that is another one: it is tried first. What a link that is called
live too early leaves out shows for sure where nothing else tells of it soon, and that schedule is made for it."""

BUGS = Path(__file__).with_name("bugs.py")


@dataclass(frozen=True)
class Caught:
    """A bug, and the run that failed because of it."""

    bug: str
    what: str
    verdict: Verdict | None

    @property
    def checks(self) -> str:
        """The kinds of violations, the most frequent first."""
        if self.verdict is None:
            return "not caught"
        kinds = Counter(violation.kind for violation in self.verdict.violations)
        return ", ".join(f"{kind} ({count:,})" for kind, count in kinds.most_common())


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
    """Try each bug, then the same seeds without any."""
    options = _parser().parse_args(arguments)
    folder, began = Path(tempfile.mkdtemp(prefix="mutations-")), time.monotonic()
    known = bugs()
    with opened([schedule(seed) for seed in (*SEEDS, *FIRST.values())], folder) as stack:
        caught = [Caught(bug, known[bug], _tried(bug, folder, stack)) for bug in options.bugs or known]
        needed = sorted({each.verdict.schedule.seed for each in caught if each.verdict is not None})
        sound = [run_one(replace(schedule(seed), again=".sound"), folder / "sound", stack, None) for seed in needed]
    for each in caught:
        where = f"seed {each.verdict.schedule.seed}" if each.verdict else "no seed"
        print(f"{each.bug}: {where}: {each.checks}")
    if options.write is not None:
        rows = [(each.what, f"{each.verdict.schedule.seed if each.verdict else ''}", each.checks) for each in caught]
        between(options.write, "mutations", table(("bug", "seed", "found as (times)"), rows))
    print(f"{time.monotonic() - began:.0f} s")
    if any(each.verdict is None for each in caught) or any(each.violations for each in sound):
        print(f"The lab is BROKEN: a bug was not caught, or the sound service failed. The logs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    print("Every bug was caught, and the same seeds pass without one.")
    return 0


def _tried(bug: str, folder: Path, stack: Stack | None) -> Verdict | None:
    print(f"== {bug}", flush=True)
    for seed in dict.fromkeys((FIRST.get(bug, SEEDS[0]), *SEEDS)):
        plan = replace(schedule(seed), again=f".{bug}")
        found = run_one(plan, folder / f"{bug}-{seed}", stack, bug)
        if found.violations:
            return found
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.faults.mutations", description=__doc__)
    parser.add_argument("bugs", nargs="*", help=f"of {', '.join(bugs())}; all, if none is named")
    parser.add_argument("--write", type=Path, help="write the table into this page, between its marks")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
