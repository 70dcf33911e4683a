"""`python -m tests.labs.faults`: exit code 0 when every promise held in every seed's run, 1 when one was broken, a run
could not finish, or a kind of fault hit nothing."""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .page import write
from .report import show
from .seeds import run_seeds

FEW = 10
"""Seeds, from which on every kind of fault must have bitten, and every mode and transition must have been seen."""


def main(arguments: list[str]) -> int:
    """Run the seeds, print the verdicts, and return the exit code."""
    options = _parser().parse_args(arguments)
    seeds = options.seed or list(range(1, options.seeds + 1))
    folder = options.logs or Path(tempfile.mkdtemp(prefix="faults-"))
    gc.set_threshold(200_000, 20, 1_000)
    done = run_seeds(seeds, folder, bug=options.bug, whole=len(seeds) >= FEW)
    show(done.verdicts, done.violations)
    for violation in done.of_the_whole:
        print(f"{violation.kind}: {violation.what}")
    if options.write is not None:
        write(options.write, done)
    if done.violations:
        bug = f' ARGS="--bug {options.bug}"' if options.bug else ""
        for seed in done.failed:
            print(f"seed {seed} FAILED. To replay it: make lab NAME=faults SEED={seed}{bug}")
        print(f"BROKEN. The logs are kept in {folder}")
        return 1
    if options.logs is None:
        shutil.rmtree(folder)
    print("Every promise held.")
    return 0


def _seeds(text: str) -> list[int]:
    return [int(seed) for seed in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("SEEDS") or 20), help="run seeds 1 to this")
    parser.add_argument("--seed", type=_seeds, help="run this one, or several with commas between them")
    parser.add_argument("--bug", help="start the services with this deliberate bug (tests/labs/faults/bugs.py)")
    parser.add_argument("--write", type=Path, help="write the tables into this page, between its marks")
    parser.add_argument(
        "--logs", type=Path, help="folder for the logs; without it they are kept when a promise is broken"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
