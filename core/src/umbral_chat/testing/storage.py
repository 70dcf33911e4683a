"""What the contract suites of a storage build on: two instances on one empty store, and functions that write to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from umbral_chat.model.entries import Changes, Entry, Sender
from umbral_chat.model.writes import Appended, WriteEdit, WriteMessage, WriteRedaction, WriteUpdate
from umbral_chat.providers.history import History, Storage
from umbral_chat.testing.bounded import BoundedSuite


@dataclass(frozen=True)
class StorageRig:
    """An empty store, opened twice, as two processes would."""

    storage: Storage
    other: Storage
    """Another instance on the same store; the same one where a store cannot be opened twice."""
    elapse: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Let this many seconds pass for the store. A store with a clock of its own moves it instead of waiting."""


class StorageContract(BoundedSuite):
    """Base of the suites of history and shared store."""

    lapse: float = 0.3
    """Shortest time to live, in seconds, that the store supports. Tests wait for twice as long."""

    hold: float = 5.0
    """Time to live, in seconds, of what must not expire during a test: longer than a busy machine stalls."""

    def rig(self) -> AbstractAsyncContextManager[StorageRig]:
        """An empty store. Subclasses provide it."""
        raise NotImplementedError


USER = Sender(role="user", id="u1", name="Ué")


async def send(
    history: History, content: str = "hello", conversation: str = "room", *, subject: str = "u1", **more: Any
) -> Appended:
    """Append a message."""
    sender = more.pop("sender", USER)
    return await history.append(
        WriteMessage(conversation=conversation, subject=subject, sender=sender, content=content, **more)
    )


async def edit(
    history: History, message_id: str, content: str, conversation: str = "room", *, subject: str = "u1", **more: Any
) -> Appended:
    """Append an edit."""
    return await history.append(
        WriteEdit(
            conversation=conversation, subject=subject, sender=USER, message_id=message_id, content=content, **more
        )
    )


async def redact(
    history: History, message_id: str, conversation: str = "room", *, subject: str = "u1", **more: Any
) -> Appended:
    """Append a redaction."""
    return await history.append(
        WriteRedaction(conversation=conversation, subject=subject, sender=USER, message_id=message_id, **more)
    )


async def update(history: History, conversation: str = "room", *, key: str | None = None, **changes: Any) -> Appended:
    """Append an update."""
    return await history.append(
        WriteUpdate(
            conversation=conversation, subject="desk", sender=Sender(role="agent"), key=key, changes=Changes(**changes)
        )
    )


async def read_all(history: History, conversation: str = "room", *, page: int = 100) -> list[Entry]:
    """Every entry, read page by page; checks that each page is contiguous from the seq that was asked for."""
    entries: list[Entry] = []
    while True:
        found = await history.read(conversation, len(entries), page)
        seqs = [entry.seq for entry in found.entries]
        assert seqs == list(range(len(entries) + 1, len(entries) + 1 + len(seqs))), f"a page has the seqs {seqs}"
        assert len(seqs) <= page, "a page is longer than it was asked for"
        head = 0 if found.head is None else found.head.seq
        entries += found.entries
        assert len(entries) <= head, f"entries past the head {head} of their own page"
        if len(entries) == head:
            return entries
        assert seqs, f"an empty page before the head {head}"


async def expect_error(call: Awaitable[object], error: type[Exception], code: str | None = None) -> None:
    """Expect `call` to raise `error`, with this `code` if given."""
    with pytest.raises(error) as raised:
        await call
    if code is not None:
        assert getattr(raised.value, "code", None) == code


def message_id_of(appended: Appended) -> str:
    """The message id of what was appended."""
    message_id: str = appended.entry.message_id  # type: ignore[union-attr]  # an update has none
    return message_id


__all__ = [
    "USER",
    "StorageContract",
    "StorageRig",
    "edit",
    "expect_error",
    "message_id_of",
    "read_all",
    "redact",
    "send",
    "update",
]
