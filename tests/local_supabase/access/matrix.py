"""The table: who may do what with which table, sequence, function and topic. What is not listed is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from .people import BEFORE, MEMBERS, NOW, PEOPLE, SERVICE, Person

Outcome = Literal["no", "nothing", "own", "yes"]
"""`no`: permission denied. `nothing`: it runs and touches no row. `own`: the rows of the caller's own conversations and
no other. `yes`: it succeeds."""

Kind = Literal["table", "sequence", "function", "topic"]

TABLE_VERBS = ("select", "insert", "update", "delete", "truncate")
SEQUENCE_VERBS = ("nextval", "select")
TOPIC_VERBS = ("listen", "presence", "send")

READABLE = ("umbral_chat_conversations", "umbral_chat_entries")
"""Tables that members may read."""

OWN_FUNCTIONS = ("umbral_chat_my_logs", "umbral_chat_my_conversations")
"""Functions that policies call for the caller; they return only what concerns the caller itself."""

TOPICS = (
    f"umbral_chat:c:ours/{NOW}",
    f"umbral_chat:c:ours/{BEFORE}",
    "umbral_chat:c:ours",
    f"umbral_chat:c:theirs/{NOW}",
    "umbral_chat:c:",
    f"umbral_chat:c:/{NOW}",
    "umbral_chat:s:0",
    "umbral_chat:anything",
    "room:of-the-project",
)

PROJECT_POLICIES = ("none", "everybody may do everything")
"""The policies that the project itself has on `realtime.messages`."""


class Case(NamedTuple):
    """One attempt and its expected outcome."""

    person: Person
    kind: Kind
    thing: str
    verb: str
    outcome: Outcome
    policies: str = "none"


def table_cases(tables: list[str]) -> Iterator[Case]:
    """All combinations of person, table and verb."""
    for person in PEOPLE:
        for table in tables:
            for verb in TABLE_VERBS:
                yield Case(person, "table", table, verb, on_table(person, table, verb))


def sequence_cases(sequences: list[str]) -> Iterator[Case]:
    """All combinations of person, sequence and verb."""
    for person in PEOPLE:
        for sequence in sequences:
            for verb in SEQUENCE_VERBS:
                yield Case(person, "sequence", sequence, verb, "no")


def function_cases(functions: list[str]) -> Iterator[Case]:
    """All combinations of person and function."""
    for person in PEOPLE:
        for function in functions:
            yield Case(person, "function", function, "execute", on_function(person, function))


def topic_cases() -> Iterator[Case]:
    """All combinations of person, topic and verb, under each of the project's own policies."""
    for policies in PROJECT_POLICIES:
        for person in PEOPLE:
            for topic in TOPICS:
                for verb in TOPIC_VERBS:
                    yield Case(person, "topic", topic, verb, on_topic(person, topic, verb, policies), policies)


def on_table(person: Person, table: str, verb: str) -> Outcome:
    """Members read their own rows; the service uses functions; all else is refused."""
    if table in READABLE and verb == "select" and person.role == "authenticated":
        return "own" if person in MEMBERS else "nothing"
    return "no"


def on_function(person: Person, function: str) -> Outcome:
    """The service may call functions without a leading underscore; users those that concern themselves."""
    if function in OWN_FUNCTIONS:
        return "yes" if person.role == "authenticated" else "no"
    return "yes" if person is SERVICE and not function.startswith("_") else "no"


def on_topic(person: Person, topic: str, verb: str, policies: str) -> Outcome:
    """Members may listen on their current topic. Topics that are not ours follow the project's policies."""
    if person is SERVICE:
        return "yes"
    if not topic.startswith("umbral_chat:"):
        return "no" if policies == "none" else "yes"
    return "yes" if verb == "listen" and topic == TOPICS[0] and person in MEMBERS else "no"


__all__ = [
    "Case",
    "Outcome",
    "function_cases",
    "sequence_cases",
    "table_cases",
    "topic_cases",
]
