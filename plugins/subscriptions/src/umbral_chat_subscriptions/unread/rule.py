"""Who has an answer that they have not read, and is to be reported for it. Pure.

An answer is the newest message of an assistant or agent. It is reported for a reader once, and the next one only after
they have seen what was reported, by their read marker or because they were there since: whoever stays away for a week
is not reported for each message of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from umbral_chat.model.entries import FoldedMessage, Member, Role

ANSWERS: tuple[Role, ...] = ("assistant", "agent")
"""Roles whose messages are answers."""

READERS = 100
"""Most readers of one conversation that are looked at, members first: each is a read, and an event."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who reads a conversation: a member, or the subject of a token who has a read marker there."""

    subject: str
    role: Role
    name: str | None = None
    member: Annotated[bool, Meta(description="False: the subject of a token, known by what it wrote.")]


@dataclass(frozen=True, slots=True)
class ReaderState:
    """What is known of one reader."""

    marker: int | None = None
    """The read marker; None: there is none."""
    present: bool = False
    last_seen: datetime | None = None
    reported: int | None = None
    """Seq of the answer that they were reported for last."""


def answer_of(messages: Sequence[FoldedMessage], roles: Sequence[Role], pending: int | None) -> FoldedMessage | None:
    """The answer among a conversation's newest messages; `pending`: the seq of one whose report is not delivered yet,
    which then is the one, whatever came after it."""
    answers = [one for one in messages if one.sender.role in roles and not one.redacted and not one.imported]
    if pending is not None:
        return next((one for one in answers if one.seq == pending), None)
    return answers[-1] if answers else None


def readers_of(
    members: Sequence[Member], messages: Sequence[FoldedMessage], answer: FoldedMessage
) -> dict[str, Reader]:
    """Who may have read it, by subject: the members, and who wrote there lately. Not whoever wrote it."""
    found: dict[str, Reader] = {}
    for member in members:
        if member.role != "assistant":
            found[member.subject] = Reader(subject=member.subject, role=member.role, name=member.name, member=True)
    for one in reversed(messages):
        sender = one.sender
        if sender.id is not None and sender.role in ("user", "agent") and sender.id not in found:
            found[sender.id] = Reader(subject=sender.id, role=sender.role, name=sender.name, member=False)
    found.pop(answer.sender.id or "", None)
    return dict(list(found.items())[:READERS])


def is_unread(answer: FoldedMessage, reader: Reader, state: ReaderState, messages: Sequence[FoldedMessage]) -> bool:
    """Whether the reader is to be reported for it, or was and the report is not delivered yet."""
    if state.marker is None and not reader.member:
        return False
    if has_seen(answer.seq, reader.subject, state, messages):
        return False
    if state.reported is None or state.reported == answer.seq:
        return True
    return has_seen(state.reported, reader.subject, state, messages)


def has_seen(seq: int, subject: str, state: ReaderState, messages: Sequence[FoldedMessage]) -> bool:
    """Whether somebody has read one of these messages, or was there since it was written."""
    if state.present or has_read(seq, subject, state.marker, messages):
        return True
    at = next((one.at for one in messages if one.seq == seq), None)
    return at is not None and state.last_seen is not None and state.last_seen >= at


def has_read(seq: int, subject: str, marker: int | None, messages: Sequence[FoldedMessage]) -> bool:
    """Whether somebody has read an entry: by the marker, or because they wrote after it."""
    if marker is not None and marker >= seq:
        return True
    return any(one.sender.id == subject and one.seq > seq for one in messages)


def unread_by(
    messages: Sequence[FoldedMessage], roles: Sequence[Role], subject: str, marker: int | None
) -> list[FoldedMessage]:
    """The answers among a conversation's newest messages that a reader has not read."""
    return [
        one
        for one in messages
        if one.sender.role in roles and not one.redacted and not has_read(one.seq, subject, marker, messages)
    ]


def reported_after(
    before: Mapping[str, int],
    answer: FoldedMessage,
    unread: Sequence[str],
    states: Mapping[str, ReaderState],
    messages: Sequence[FoldedMessage],
) -> dict[str, int]:
    """What is to be remembered: for whom it is reported now, and who has not seen what was reported before."""
    kept = {
        subject: seq
        for subject, seq in before.items()
        if subject not in states or not has_seen(seq, subject, states[subject], messages)
    }
    now = dict.fromkeys(unread[:READERS], answer.seq)
    older = sorted(((seq, subject) for subject, seq in kept.items() if subject not in now), reverse=True)
    return now | {subject: seq for seq, subject in older[: READERS - len(now)]}


__all__ = [
    "ANSWERS",
    "READERS",
    "Reader",
    "ReaderState",
    "answer_of",
    "has_read",
    "has_seen",
    "is_unread",
    "readers_of",
    "reported_after",
    "unread_by",
]
