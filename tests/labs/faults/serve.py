"""`python -m tests.labs.faults.serve --clock FILE [--bug NAME]`: the service as its environment sets it up, with a wall
clock that is wrong by what the file says, and with one deliberate bug if it is named. No part of the product."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import umbral_chat._core.app
from umbral_chat._core.plugins import boot
from umbral_chat._core.server.serve import serve
from umbral_chat.clock import SystemClock

from .bugs import BUGS

POLL_INTERVAL = 0.05
"""Seconds between two looks into the file."""


class JumpingClock(SystemClock):
    """Only wall time jumps: nothing else does on any machine."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._wrong_by = timedelta()
        self._looked = float("-inf")

    def now(self) -> datetime:
        if time.monotonic() - self._looked >= POLL_INTERVAL:
            self._looked = time.monotonic()
            self._wrong_by = timedelta(seconds=float((self._file.read_text() if self._file.exists() else "") or 0))
        return super().now() + self._wrong_by


def keep_the_log() -> None:
    """Write what is logged by a process of its own: a limit to this one's files must not take the word of what it did.

    It ends with this one, however that ends."""
    read, write = os.pipe()
    if os.fork():
        os.dup2(write, sys.stdout.fileno())
        os.dup2(write, sys.stderr.fileno())
        os.close(read)
        os.close(write)
        return
    os.close(write)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the group is told to end, and this one has not written all yet
    while data := os.read(read, 65_536):
        os.write(sys.stderr.fileno(), data)
    os._exit(0)


def main(arguments: list[str]) -> int:
    """Serve until stopped by a signal."""
    keep_the_log()
    parser = argparse.ArgumentParser(prog="python -m tests.labs.faults.serve", description=__doc__)
    parser.add_argument("--clock", type=Path, required=True)
    parser.add_argument("--bug", choices=BUGS)
    options = parser.parse_args(arguments)
    clock = JumpingClock(options.clock)
    umbral_chat._core.app.create_app = partial(umbral_chat._core.app.create_app, clock=clock)
    if options.bug is not None:
        BUGS[options.bug].make()
    settings, plugins = boot(None)
    return serve(settings, plugins)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
