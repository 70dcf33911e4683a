"""The modes that each instance was in, and how it went from one to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from tests.labs.kit.watch import Watch

MODES = ("off", "polling", "live")
"""Off: the operator switched realtime off. Polling: it is on, and not live. Live."""

TRANSITIONS = (("off", "polling"), ("polling", "live"), ("live", "polling"), ("live", "off"), ("polling", "off"))
"""Those that a run must have seen. From off the way to live leads over polling; both may lie between two looks."""


class InMode(NamedTuple):
    """From `at` on an instance was seen in this mode."""

    at: float
    mode: str


def mode_of(status: dict[str, Any]) -> str:
    """As `MODES` calls it."""
    if status["mode"] == "live":
        return "live"
    return "polling" if status["realtime"]["enabled"] else "off"


@dataclass(slots=True)
class Modes(Watch):
    """The watch, which keeps the modes too."""

    modes: list[list[InMode]] = field(default_factory=list)

    def take(self, instance: int, status: dict[str, Any], now: float) -> None:
        Watch.take(self, instance, status, now)
        mode, known = mode_of(status), self.modes[instance]
        if not known or known[-1].mode != mode:
            known.append(InMode(now, mode))

    def gone(self, instance: int, now: float) -> None:
        """Its process was killed: what comes next is no change of its mode."""
        self.modes[instance].append(InMode(now, ""))


def changes(modes: list[InMode]) -> list[tuple[str, str]]:
    """Each change that one process made."""
    return [(one.mode, other.mode) for one, other in pairwise(modes) if one.mode and other.mode]


def entered(modes: list[InMode], mode: str) -> list[float]:
    """When an instance was seen to be in this mode, having been in another before."""
    return [one.at for one in modes if one.mode == mode]


__all__ = ["MODES", "TRANSITIONS", "InMode", "Modes", "changes", "entered", "mode_of"]
