"""When an attack has hurt the others."""

from __future__ import annotations

from dataclasses import dataclass

from .bystanders import Seen

GROWTH = 160
"""MB that the service may grow by at an attack's height. What it may hold by its bounds, of 400 connections with 64 KiB
of headers or body each, and the interpreter's own slack; the attacks send several times as much."""

STAYS = 100
"""MB that may be left when the attack is over."""

WORST = 2.5
"""Seconds that one answer to another user may take on a machine that does other things, too."""

TURNED_AWAY = 0.25
"""Share of the newcomers who may be asked to try again later while all connections are taken."""


@dataclass(frozen=True)
class Memory:
    """Resident memory of the service, in MB."""

    before: int
    peak: int
    after: int


def broken(own: list[str], seen: Seen, memory: Memory) -> list[str]:
    """Everything that did not hold: what the attack itself found, and what the others met."""
    found = list(own)
    if memory.peak - memory.before > GROWTH:
        found.append(f"the memory grew by {memory.peak - memory.before} MB; {GROWTH} are allowed")
    if memory.after - memory.before > STAYS:
        found.append(f"{memory.after - memory.before} MB stayed afterwards; {STAYS} are allowed")
    if not seen.times:
        found.append("no other user was answered")
    if seen.worst > WORST:
        found.append(f"another user waited for {seen.worst:.1f} s; {WORST:g} are allowed")
    if seen.failures:
        found.append(f"{len(seen.failures)} requests of others failed, the first: {seen.failures[0]}")
    newcomers = seen.let_in + seen.turned_away
    if seen.turned_away > TURNED_AWAY * newcomers:
        found.append(f"{seen.turned_away} of {newcomers} newcomers were turned away")
    return found


__all__ = ["GROWTH", "STAYS", "TURNED_AWAY", "WORST", "Memory", "broken"]
