"""What an attack is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from .target import Target


class Scale(NamedTuple):
    """How much of everything; `--short` takes a smaller one."""

    seconds: float
    """That an attack which only holds on goes on for."""
    connections: int
    megabytes: int


class Attack(NamedTuple):
    """`run` launches it and says what did not go as it should: nothing, if all held."""

    name: str
    run: Callable[[Target, Scale], Awaitable[list[str]]]
    keyless: bool = False
    """At a service without keys."""


ATTACKS: list[Attack] = []

Run = Callable[[Target, Scale], Awaitable[list[str]]]


def attack(name: str, *, keyless: bool = False) -> Callable[[Run], Run]:
    """Put a function on the list."""

    def register(run: Run) -> Run:
        ATTACKS.append(Attack(name, run, keyless))
        return run

    return register


def expect(found: list[str], true: object, what: str) -> None:
    """Add `what` unless it is true."""
    if not true:
        found.append(what)


__all__ = ["ATTACKS", "Attack", "Scale", "attack", "expect"]
