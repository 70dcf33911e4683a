"""The services of a deployment: the shipped one, started with a clock that can be made to jump."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tests.labs.kit.service import Service
from tests.local_supabase.process import ROOT

CLOCK = "clock"
"""File in a service's folder: seconds by which its wall clock is wrong."""


def command(folder: Path, bug: str | None) -> str:
    """What serves with the clock of `folder`, and with a bug of `tests.labs.faults.bugs` if one is named."""
    words = [
        "env",
        f"PYTHONPATH={ROOT}",
        sys.executable,
        "-m",
        "tests.labs.faults.serve",
        "--clock",
        str(folder / CLOCK),
    ]
    return shlex.join([*words, "--bug", bug] if bug else words)


def clock_of(service: Service) -> Path:
    """Its clock."""
    return service.log.parent / CLOCK


__all__ = ["CLOCK", "clock_of", "command"]
