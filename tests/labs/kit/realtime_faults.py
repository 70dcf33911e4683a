"""What is done to Realtime: each kind of fault, with what is drawn for it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

Command = tuple[str, dict[str, Any]]
"""Name and body of one `POST /_control/realtime/NAME` of the stand-in."""

ROOMY: Command = ("limits", {"events_per_second": 1_000_000, "tick": 5.0})
"""Far above what the run sends: only where a rate is the fault may it matter."""

CODES = (1000, 1001, 1011, 1012, 4000)
STATUSES = (401, 403, 404, 429, 500, 503)
REASONS = (
    "RealtimeRestarting: Realtime is restarting, please standby",
    "ClientJoinRateLimitReached: Too many joins per second",
    "DatabaseLackOfConnections: Database can't accept more connections",
    "InvalidJWTToken: Token has expired 5 seconds ago",
    "Unknown Error on Channel",
)


ENDS_LINKS = frozenset({"drop", "close", "restart", "half_open", "expire", "crash", "refuse_status", "refuse_join"})


@dataclass(frozen=True)
class Fault:
    """One fault as it was drawn."""

    kind: str
    duration: float = 0.0
    """Seconds that it lasts at least."""
    begin: tuple[Command, ...] = ()
    end: tuple[Command, ...] = ()
    detail: str = ""
    counted: str = ""
    """What the stand-in counts its hits as; empty where it cannot."""

    @property
    def ends_links(self) -> bool:
        """Whether it ends every link there is, so that every instance must notice."""
        return self.kind in ENDS_LINKS


def draw(kind: str, random: Random, brisk: float = 1.0) -> Fault:
    """A fault of this kind; `brisk` is the share of its usual time that it lasts."""
    return KINDS[kind](random, brisk)


def _once(kind: str) -> Callable[[Random, float], Fault]:
    return lambda *_: Fault(kind, begin=((kind, {}),), counted=kind)


def _deliveries(kind: str, random: Random, brisk: float, field: str, value: object, off: object = False) -> Fault:
    """Something is wrong with what is delivered, for a while."""
    begin: Command = ("faults", {field: value})
    end: Command = ("faults", {field: off})
    detail = "" if value is True else f"{value:.2f}"
    return Fault(kind, random.uniform(3.0, 6.0) * brisk, (begin,), (end,), detail, kind)


def _restart(random: Random, brisk: float) -> Fault:
    seconds = random.uniform(1.0, 5.0) * brisk
    return Fault("restart", seconds, (("restart", {"seconds": seconds}),), (), f"{seconds:.1f} s", "restart")


def _half_open(random: Random, brisk: float) -> Fault:
    # The sockets stay so for ever: it lasts until the instances found out.
    return Fault("half_open", random.uniform(2.0, 4.0) * brisk, (("half_open", {}),), (), "", "half_open")


def _stall(random: Random, brisk: float) -> Fault:
    begin: Command = ("faults", {"stall": True})
    end: Command = ("faults", {"stall": False})
    return Fault("stall", random.uniform(3.0, 14.0) * brisk, (begin,), (end,), "", "stall")


def _refuse_status(random: Random, brisk: float) -> Fault:
    status = random.choice(STATUSES)
    begin: tuple[Command, ...] = (("faults", {"refuse_status": status}), ("drop", {}))
    end: Command = ("faults", {"refuse_status": None})
    return Fault("refuse_status", random.uniform(2.0, 5.0) * brisk, begin, (end,), str(status), "refuse_status")


def _refuse_join(random: Random, brisk: float) -> Fault:
    reason = random.choice(REASONS)
    begin: tuple[Command, ...] = (("faults", {"refuse_join": reason}), (random.choice(("drop", "crash", "expire")), {}))
    end: Command = ("faults", {"refuse_join": None})
    detail = reason.partition(":")[0]
    return Fault("refuse_join", random.uniform(2.0, 5.0) * brisk, begin, (end,), detail, "refuse_join")


def _replication(random: Random, brisk: float) -> Fault:
    # Nothing reports it: sockets and channels are well, and what is inserted meanwhile is never delivered.
    begin: Command = ("replication", {"on": False})
    end: Command = ("replication", {"on": True})
    return Fault("replication", random.uniform(4.0, 9.0) * brisk, (begin,), (end,))


def _limits(random: Random, brisk: float) -> Fault:
    rate = random.randint(1, 6)
    # Looked at ten times as often as by the real server, since the fault lasts for seconds and not minutes.
    begin: Command = ("limits", {"events_per_second": rate, "tick": 0.5})
    return Fault("limits", random.uniform(3.0, 7.0) * brisk, (begin,), (ROOMY,), f"{rate}/s", "limits")


def _close(random: Random, _: float) -> Fault:
    code = random.choice(CODES)
    return Fault("close", begin=(("close", {"code": code}),), detail=str(code), counted="close")


KINDS: dict[str, Callable[[Random, float], Fault]] = {
    "drop": _once("drop"),
    "close": _close,
    "restart": _restart,
    "half_open": _half_open,
    "stall": _stall,
    "expire": _once("expire"),
    "crash": _once("crash"),
    "refuse_status": _refuse_status,
    "refuse_join": _refuse_join,
    "replication": _replication,
    "limits": _limits,
    "lose": lambda random, brisk: _deliveries("lose", random, brisk, "lose_share", random.uniform(0.05, 0.7), 0.0),
    "duplicate": lambda random, brisk: _deliveries("duplicate", random, brisk, "duplicate", True),
    "reorder": lambda random, brisk: _deliveries("reorder", random, brisk, "reorder", True),
    "delay": lambda random, brisk: _deliveries("delay", random, brisk, "delay", random.uniform(0.2, 3.0), 0.0),
}
"""Every kind."""

__all__ = ["KINDS", "ROOMY", "Command", "Fault", "draw"]
