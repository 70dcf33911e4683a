"""The package compiled and packed in a folder of its own, so that nothing is written into the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.local_supabase.stack.npm import modules, node, npm

PACKAGE = Path(__file__).parents[2] / "n8n" / "nodes"

TIMEOUT = 300.0
"""Seconds of one command."""


class BuildError(Exception):
    """A command failed; its output is the message."""


def copied(folder: Path) -> Path:
    """The package in `folder`, with what npm installs for it, from the cache."""
    made = folder / "nodes"
    shutil.copytree(PACKAGE, made, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (made / "node_modules").symlink_to(modules(PACKAGE) / "node_modules")
    return made


def run(package: Path, *command: str) -> str:
    """The output of a command in the package's folder. Raises BuildError."""
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(
        command,
        cwd=package,
        env=os.environ | {"PATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def packed(package: Path, into: Path) -> Path:
    """The tarball that would be published."""
    run(package, *npm(), "run", "build")
    (made,) = json.loads(run(package, *npm(), "pack", "--json", "--ignore-scripts", "--pack-destination", str(into)))
    return into / str(made["filename"])


__all__ = ["PACKAGE", "BuildError", "copied", "packed", "run"]
