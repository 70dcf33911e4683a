"""Free ports on loopback."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A free port below the range of the system's ephemeral ports. Raises OSError when there is none."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port between 20000 and 32000 is free")


__all__ = ["free_port"]
