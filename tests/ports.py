"""Ports of loopback for servers that tests, labs and benches start as processes of their own."""

from __future__ import annotations

import fcntl
import os
import random
import socket
from pathlib import Path

RANGE = range(20_000, 32_000)
"""Below the range that the system draws source ports from (32768–60999 on Linux): a client that calls a dead server's
port over and over may otherwise be given that very port, and be connected to itself."""

_TRIES = 200
_reserved: list[int] = []
"""Descriptors of the lock files. Closing one, as the end of the process does, gives its port back."""


def free_port() -> int:
    """A port on which no process listens, reserved for this process until it ends. Raises OSError if there is none.

    The reservation is a lock on a file named like the port. Without one, two processes that each start a server can
    draw the same port before either server listens: the second server does not start, and its tests call the first."""
    cache = os.environ.get("XDG_CACHE_HOME")
    # Not the folder of temporary files, which may be another one for each process.
    folder = (Path(cache) if cache else Path.home() / ".cache") / "umbral-chat-ports"
    folder.mkdir(parents=True, exist_ok=True)
    for port in random.SystemRandom().sample(RANGE, _TRIES):
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
        else:
            _reserved.append(lock)
            return port
    raise OSError(f"no port between {RANGE.start} and {RANGE.stop} is free")


__all__ = ["RANGE", "free_port"]
