"""A stack in a process of its own, which ends with the process that started it, however that ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.labs.kit.driver import die_with_parent

from .stack.api import Stack

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 700.0
"""Seconds until the stack must run; the first time npm installs its packages."""


@contextmanager
def stack_process(folder: Path, *, fast: bool, quick: bool = False) -> Iterator[Stack]:
    """A running stack; its log is in `folder`. `fast` gives up safety against power loss, `quick` the pauses of seconds
    before Realtime refuses. Raises RuntimeError."""
    file, log = folder / "stack.json", folder / "stack.log"
    command = [sys.executable, "-m", "tests.local_supabase", "--port", "0", "--json-file", str(file)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, *(["--fast"] if fast else []), *(["--quick"] if quick else [])],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509  # it makes one system call
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        end = time.monotonic() + START_TIMEOUT
        while not file.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"The local Supabase did not start:\n{log.read_text('utf-8', 'replace')[-4000:]}")
            time.sleep(0.05)
        yield Stack.read(file)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


__all__ = ["ROOT", "stack_process"]
