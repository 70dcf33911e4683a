"""mypy as a plugin's author runs it, from outside the repository. What it has read of packages is kept between runs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".mypy_cache" / "authors"
"""Without it each run would read all packages anew, which takes 10 s of a processor. mypy compares each file of it with
its source."""


def strict(*what: str | Path, folder: Path, sources: Iterable[Path]) -> subprocess.CompletedProcess[str]:
    """`mypy --strict` of files or folders in this folder, with these folders of sources."""
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(CACHE), *map(str, what)]
    environ = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, sources))}
    # Two that find the cache empty would both fill it.
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
        )


__all__ = ["ROOT", "strict"]
