"""No two processes are given the same port, also before anything listens on it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import ports
from tests.ports import free_port


def draw(first: int) -> str:
    """What another process is given of twelve ports."""
    program = (
        f"import tests.ports as ports; ports.RANGE = range({first}, {first + 12}); ports._TRIES = 12\n"
        "try: print(ports.free_port())\n"
        "except OSError: print('none')"
    )
    return subprocess.check_output([sys.executable, "-c", program], text=True).strip()


def test_a_port_is_reserved_for_as_long_as_its_process_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ports that nothing else draws.
    monkeypatch.setattr(ports, "RANGE", range(19_000, 19_012))
    monkeypatch.setattr(ports, "_TRIES", 12)
    assert len({free_port() for _ in range(11)}) == 11
    left = draw(19_000)
    assert left != "none"
    # That process has ended: its port can be drawn again.
    assert free_port() == int(left)
    assert draw(19_000) == "none"
    with pytest.raises(OSError, match="19000"):
        free_port()
