"""A file of an earlier version has, once it is opened, all that the present one needs."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import apsw
from umbral_chat._core.sqlite.engine import schema
from umbral_chat.model.conversations import InboxFilter
from umbral_chat.model.entries import Sender
from umbral_chat.providers.history import History, OperatorInbox
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.history.operators import taking
from umbral_chat.testing.storage import message_id_of, read_all, redact, send, update

BOT = Sender(role="assistant")
DEEP = Path(__file__).parent / "data" / "deep-metadata.sqlite3.gz"
"""Written before there was a limit of depth: SQLite's own JSON functions refuse what is in it."""


def downgrade(path: Path) -> None:
    """Make it a file of version 1: what version 2 added is removed."""
    connection = apsw.Connection(str(path))
    for statement in (
        "DROP INDEX conversation_waiting",
        "DROP INDEX conversation_assignee",
        "ALTER TABLE conversation DROP COLUMN assignee",
        "ALTER TABLE conversation DROP COLUMN user_last",
        "PRAGMA user_version = 1",
    ):
        connection.execute(statement)
    connection.close()


async def waiting(history: History) -> set[str]:
    assert isinstance(history, OperatorInbox)
    page = await history.search(InboxFilter(waiting=True), limit=1_000)
    return {one.id for one in page.conversations}


async def test_who_waits_is_known_of_conversations_of_before(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        history = storage.history
        senders = (BOT, Sender(role="user"))
        # More than the migration reads at a time.
        await asyncio.gather(
            *(send(history, conversation=f"c{number}", sender=senders[number % 2]) for number in range(600))
        )
        await redact(history, message_id_of(await send(history, conversation="redacted")), "redacted")
        await send(history, conversation="closed")
        await update(history, "closed", status="closed")
        await update(history, "titled", title="Nobody wrote")
        expected = await waiting(history)
        log = await read_all(history, "redacted")
    assert expected == {f"c{number}" for number in range(1, 600, 2)} | {"redacted"}
    downgrade(path)
    async with opened(path) as storage:
        assert await waiting(storage.history) == expected
        assert await read_all(storage.history, "redacted") == log
        assert isinstance(storage.history, OperatorInbox)
        await storage.history.take(taking("a", "c1"))
        await send(storage.history, conversation="c3", sender=BOT)
    connection = apsw.Connection(str(path))
    assert connection.pragma("user_version") == schema.VERSION
    connection.close()
    async with opened(path) as storage:
        assert await waiting(storage.history) == expected - {"c3"}
        found = await storage.history.conversation("c1")
        assert found is not None
        assert found.assignee == "a"


async def test_a_file_with_deep_metadata_is_brought_forward_and_searched(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(gzip.decompress(DEEP.read_bytes()))
    async with opened(path) as storage:
        history = storage.history
        assert isinstance(history, OperatorInbox)
        everything = (await history.conversations(limit=100)).conversations
        assert everything
        last = {one.id for one in everything if one.last_message and one.last_message.sender.role == "user"}
        assert await waiting(history) == {one.id for one in everything if one.id in last and one.status == "open"}
        for one in everything:
            found = await history.search(InboxFilter(text=one.id.upper()), limit=100)
            assert one.id in {each.id for each in found.conversations}
