"""Generates `docs/reference/supabase-access.md` from the table that the attempts test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from .matrix import (
    OWN_FUNCTIONS,
    PROJECT_POLICIES,
    READABLE,
    TABLE_VERBS,
    TOPIC_VERBS,
    TOPICS,
    on_function,
    on_table,
    on_topic,
)
from .people import PEOPLE, Person

INTRODUCTION = """\
# Who may do what in the database

This page is generated from a table that a test holds: each cell was tried on PostgreSQL, as the caller's role with the
claims of its token, for every table, sequence and function that the migrations make. One that is added and not listed
here is expected to be closed to all callers.

`no`: permission denied. `nothing`: the statement runs and sees no row. `own`: the rows of the conversations that the
caller is a member of, and no other. `yes`: it succeeds.

The conversation is `ours`; members belong to it, a former member did, a stranger never did; `theirs` is that of other
members. The service has no right to a table: it calls functions, which run with their owner's rights.
"""


def text(tables: Iterable[str], sequences: Iterable[str], functions: Iterable[str]) -> str:
    """The whole page, for these tables, sequences and functions."""
    closed = [table for table in tables if table not in READABLE]
    inner = sorted(name for name in functions if name.startswith("_"))
    outer = sorted(name for name in functions if not name.startswith("_") and name not in OWN_FUNCTIONS)
    parts = [INTRODUCTION, "\n## Tables\n"]
    parts += [f"\n### `{table}`\n\n" + _table(TABLE_VERBS, partial(_of_table, table)) for table in READABLE]
    parts.append("\n### Every other table, and every sequence\n\n" + _listed([*closed, *sequences]))
    parts.append("\n" + _table(TABLE_VERBS, partial(_of_table, closed[0])))
    parts.append("\n## Functions\n\n### What the service calls\n\n" + _listed(outer))
    parts.append("\n" + _table(("execute",), partial(_of_function, outer[0])))
    parts.append("\n### What policies ask of the caller about itself\n\n" + _listed(OWN_FUNCTIONS))
    parts.append("\n" + _table(("execute",), partial(_of_function, OWN_FUNCTIONS[0])))
    parts.append("\n### Inner functions\n\n" + _listed(inner))
    parts.append("\n" + _table(("execute",), partial(_of_function, inner[0])))
    parts.append("\n## Topics of Realtime\n")
    for policies in PROJECT_POLICIES:
        parts.append(f"\n### Where the project's own policies on `realtime.messages` are: {policies}\n")
        parts += [f"\n`{topic}`\n\n" + _table(TOPIC_VERBS, partial(_of_topic, topic, policies)) for topic in TOPICS]
    return "".join(parts)


def _of_table(table: str, person: Person, verb: str) -> str:
    return on_table(person, table, verb)


def _of_function(function: str, person: Person, _verb: str) -> str:
    return on_function(person, function)


def _of_topic(topic: str, policies: str, person: Person, verb: str) -> str:
    return on_topic(person, topic, verb, policies)


def _table(verbs: tuple[str, ...], outcome: Callable[[Person, str], str]) -> str:
    lines = [f"| who | {' | '.join(verbs)} |", "| --- |" + " --- |" * len(verbs)]
    lines += [f"| {person.name} | {' | '.join(outcome(person, verb) for verb in verbs)} |" for person in PEOPLE]
    return "\n".join(lines) + "\n"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) + "\n"


__all__ = ["text"]
