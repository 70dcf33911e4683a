"""File descriptors of this process, and how many connections they are enough for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umbral_chat._core.settings.sections import Limits

SHARE = 0.8
"""Of the file descriptors: the rest is for the store, the log, and connections to others."""

UNLIMITED = 65_536
"""Descriptors that are reckoned with where the machine names no limit."""


def descriptors() -> int:
    """How many file descriptors this process may open."""
    if sys.platform == "win32":
        return UNLIMITED
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def most_connections(limits: Limits, files: int) -> tuple[int, int]:
    """Connections at most, and how many of them for everything but health and metrics."""
    most = limits.connections or max(4, int(files * SHARE))
    return most, most - min(limits.reserved_connections, most // 4)


__all__ = ["descriptors", "most_connections"]
