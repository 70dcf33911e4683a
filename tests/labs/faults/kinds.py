"""The kinds of faults and where each of them strikes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.labs.kit.realtime_faults import KINDS as REALTIME
from tests.labs.kit.realtime_faults import Command, draw

INSTANCES = 2

LINK = ("gateway_cut", "gateway_freeze", "socket_cut", "socket_freeze")
"""Between a service and the project: everything, or its Realtime socket alone."""

CLIENTS = ("clients_cut", "clients_freeze")
"""Between clients and a service."""

DIRECT = ("direct_cut", "direct_freeze")
"""Between pages that follow by themselves and the project."""

STORE = ("rest_status", "rest_abort", "rest_unanswered", "rest_late", "rest_restart", "postgres_kill")
PROCESS = ("process_kill",)
TOGGLE = ("toggle",)
CLOCK = ("clock_forward", "clock_back")
DISK = ("disk_full",)

WINDOW = "window"
"""A socket is cut, and then something is said where nothing else is: of the window's own schedule alone."""

STATUSES = (429, 500, 502, 503, 504)
"""With which REST answers while it is broken."""

JUMPS = (90.0, 3_700.0, 90_000.0, 40_000_000.0)
"""Seconds by which a clock jumps: more than a minute, an hour, a day, a year."""


@dataclass(frozen=True)
class Fault:
    """One fault as it was drawn."""

    kind: str
    instance: int | None = None
    """Whom it strikes; None: all."""
    duration: float = 0.0
    """Seconds that it lasts."""
    amount: float = 0.0
    """What else was drawn: a status, seconds, bytes."""
    detail: str = ""
    begin: tuple[Command, ...] = ()
    end: tuple[Command, ...] = ()
    """Of Realtime's stand-in, if it is one of its faults."""


@dataclass(frozen=True)
class Track:
    """One part of a deployment, which has one fault at a time."""

    name: str
    kinds: tuple[str, ...]
    instance: int | None = None


def tracks(deployment: str) -> tuple[Track, ...]:
    """What can be broken in a deployment (`supabase`, `sqlite`)."""
    each: list[Track] = []
    for instance in range(INSTANCES):
        each += [
            Track(f"clients of {instance}", CLIENTS, instance),
            Track(f"process {instance}", PROCESS, instance),
            Track(f"clock of {instance}", CLOCK, instance),
            Track(f"link of {instance}", LINK, instance)
            if deployment == "supabase"
            else Track(f"disk of {instance}", DISK, instance),
        ]
    if deployment == "supabase":
        each += [Track("realtime", tuple(REALTIME)), Track("store", STORE), Track("toggle", TOGGLE)]
        each += [Track("direct link", DIRECT)]
    return tuple(each)


ALL = tuple(sorted({kind for name in ("supabase", "sqlite") for track in tracks(name) for kind in track.kinds}))
"""Every kind."""


def drawn(kind: str, random: Random, instance: int | None) -> Fault:
    """A fault of this kind."""
    if kind in REALTIME:
        fault = draw(kind, random, 0.7)
        return Fault(kind, None, fault.duration, 0.0, fault.detail, fault.begin, fault.end)
    duration, amount, detail = random.uniform(0.5, 3.0), 0.0, ""
    match kind:
        case "rest_status":
            amount = random.choice(STATUSES)
            detail = f"{amount:.0f}"
        case "rest_late":
            amount = random.uniform(0.3, 2.0)
            detail = f"{amount:.1f} s"
        case "clock_forward" | "clock_back":
            amount = random.choice(JUMPS) * (1 if kind == "clock_forward" else -1)
            detail = f"{amount:+,.0f} s"
        case "disk_full":
            amount = random.choice((0, 4_096, 65_536))
            detail = f"{amount:,.0f} bytes left"
        case "socket_freeze" | "gateway_freeze" | "clients_freeze" | "direct_freeze":
            duration = random.uniform(0.5, 4.0)
        case "toggle":
            duration = random.uniform(0.3, 4.0)
        case "process_kill" | "postgres_kill" | "rest_restart":
            duration = random.uniform(0.0, 1.0)
    return Fault(kind, instance, duration, float(amount), detail)


__all__ = ["ALL", "DIRECT", "INSTANCES", "WINDOW", "Fault", "Track", "drawn", "tracks"]
