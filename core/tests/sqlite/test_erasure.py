"""What was redacted or deleted is in none of the database's files, whatever happened to the pages around it."""

from __future__ import annotations

import asyncio
import random
import re
import string
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest
from umbral_chat._core.conversations.draft_records import KeptDraft, record_key
from umbral_chat._core.conversations.draft_store import DraftStore
from umbral_chat._core.sqlite.log import erasure
from umbral_chat.model.entries import Member, Sender
from umbral_chat.model.signals import Writer
from umbral_chat.providers.history import History
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.storage import edit, message_id_of, read_all, redact, send, update


def files(path: Path) -> dict[str, bytes]:
    """Everything that the database keeps on the disk."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


WORD = re.compile(rb"w[0-9]{6}-[a-zA-Z]{10}")


def words_in(path: Path) -> set[str]:
    """Every word of a `Draw` that some file holds."""
    return {word.decode() for content in files(path).values() for word in WORD.findall(content)}


def extra_copies(path: Path) -> int:
    """How many more words the file holds than its living rows do: what a rebalancing left in the gaps of its pages."""
    connection = apsw.Connection(str(path))
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        rows = connection.execute("SELECT coalesce(json, '') || ' ' || coalesce(name, '') FROM body").fetchall()
        living = Counter(WORD.findall("\n".join(str(text) for (text,) in rows).encode()))
        return sum((Counter(WORD.findall(path.read_bytes())) - living).values())
    finally:
        connection.close()


@dataclass
class Draw:
    """Words that are found again wherever they are, and texts made of nothing else."""

    random: random.Random
    sizes: tuple[int, ...] = (10, 30, 200, 1_000, 4_000, 5_000, 50_000)
    count: int = 0

    def word(self) -> str:
        self.count += 1
        return f"w{self.count:06}-" + "".join(self.random.choices(string.ascii_letters, k=10))

    def text(self) -> tuple[str, str]:
        """A word, and a text that holds it from its beginning to its end."""
        word = self.word()
        return word, "ä".join([word] * max(1, self.random.choice(self.sizes) // 20))


@dataclass
class Room:
    """A conversation, and the words that would reveal its traces."""

    name: str
    words: list[str] = field(default_factory=list)
    messages: dict[str, list[str]] = field(default_factory=dict)


async def live(history: History, rooms: list[Room], draw: Draw, steps: int) -> list[str]:
    """Let many things happen in many rooms at once; the words that must be gone afterwards."""
    gone: list[str] = []
    for _ in range(steps):
        burst = [one_step(history, rooms, draw, gone) for _ in range(draw.random.choice((1, 5, 20)))]
        await asyncio.gather(*burst)
    return gone


async def one_step(history: History, rooms: list[Room], draw: Draw, gone: list[str]) -> None:
    dice = draw.random.random()
    room = draw.random.choice(rooms)
    if dice < 0.70 or not room.messages:
        await speak(history, room, draw)
    elif dice < 0.80:
        message = draw.random.choice(list(room.messages))
        word, text = draw.text()
        room.messages[message].append(word)
        await edit(history, message, text, room.name, key=draw.word())
    elif dice < 0.96:
        message = draw.random.choice(list(room.messages))
        gone += room.messages.pop(message)
        await redact(history, message, room.name)
    elif len(rooms) > 3:
        rooms.remove(room)
        await history.delete(room.name)
        gone += [room.name, *room.words, *(word for words in room.messages.values() for word in words)]


async def speak(history: History, room: Room, draw: Draw) -> None:
    (word, text), secret, key, person = draw.text(), draw.word(), draw.word(), draw.word()
    chosen = draw.word() if draw.random.random() < 0.5 else None
    try:
        sent = await send(
            history,
            text,
            room.name,
            metadata={"secret": secret},
            key=key,
            subject=person,
            message_id=chosen,
            sender=Sender(role="user", name=person),
        )
    finally:
        # The names of people and keys stay with a redaction, and go with a deletion.
        room.words += [key, person, *([chosen] if chosen else [])]
    room.messages[message_id_of(sent)] = [word, secret]


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_that_was_removed_is_found_in_any_file(tmp_path: Path, seed: int) -> None:
    draw = Draw(random.Random(seed))
    path = tmp_path / "store.sqlite3"
    rooms = [Room(draw.word()) for _ in range(40)]
    async with opened(path) as storage:
        history = storage.history
        for room in rooms:
            title, member = draw.word(), draw.word()
            room.words += [title, member]
            await update(history, room.name, title=title, members=[Member(member)], metadata={"m": member})
        gone = await live(history, rooms, draw, 120)
        assert len(gone) > 200
        assert not words_in(path) & set(gone)
        # What stays is found, so a removed word would be found too.
        assert words_in(path) >= {word for room in rooms for words in room.messages.values() for word in words}
        assert extra_copies(path) == 0
        for room in rooms:
            await history.delete(room.name)
        assert words_in(path) == set()
    assert words_in(path) == set()
    assert integrity(path) == "ok"


async def test_a_redaction_is_complete_when_it_is_answered(tmp_path: Path) -> None:
    draw = Draw(random.Random(1))
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        for number in range(50):
            (_, first), (_, second), hidden = draw.text(), draw.text(), draw.word()
            message = message_id_of(await send(storage.history, first, metadata={"a": hidden}, key=f"k{number}"))
            await edit(storage.history, message, second)
            await redact(storage.history, message)
            assert words_in(path) == set()


async def test_drafts_among_the_signals_go_with_what_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        for number in range(200):
            await storage.store.post("room-with-a-name", f"a draft of many words {number} ".encode() * 20)
        await send(storage.history, conversation="room-with-a-name")
        position = (await storage.store.recent(None, -1)).position
        await storage.history.delete("room-with-a-name")
        assert b"a draft of many words" not in b"".join(files(path).values())
        assert not (await storage.store.recent(None, position - 1)).complete
        assert (await storage.store.recent(None, position)).complete


async def test_what_was_saved_of_a_draft_goes_with_its_message_or_conversation(tmp_path: Path) -> None:
    """Among many records that come and go, so that pages of the table are split and merged."""
    path, draw = tmp_path / "store.sqlite3", random.Random(1)
    async with opened(path) as storage:
        kept = DraftStore(storage.store)
        for number in range(300):
            room, words = f"room-with-a-name-{number % 3}", ""
            draft = KeptDraft(
                conversation=room,
                message_id=f"m{number}",
                author="key:bot",
                writer=Writer.of(room, "key:bot", trusted=True),
                sender=Sender("assistant"),
                epoch=None,
                holder="here",
                fence=1,
            )
            version = 0
            for _ in range(draw.randrange(1, 5)):
                same, words = len(words), words + "a draft of many words " * draw.choice([1, 2, 5, 20, 300])
                saved = await kept.save(draft, words, expect=version, same=same)
                assert saved is not None
                draft, version = saved.kept, saved.version
            await kept.mark_alive(draft.key, "here", 30)
            await kept.list_draft(draft.key)
            for _ in range(draw.randrange(4)):
                await storage.store.put("others", str(draw.random()), bytes(draw.randrange(2_000)), ttl=60)
            if number % 2:
                await kept.remove(draft.key, long=True)
            await send(storage.history, message_id=f"m{number}", conversation=room)
        for number in range(0, 300, 2):
            if number % 3 == 0:
                await kept.remove(record_key("room-with-a-name-0", f"m{number}"), long=True)
        for number in (1, 2):
            await kept.remove_all(f"room-with-a-name-{number}")
        await redact(storage.history, "m0", "room-with-a-name-0")
        assert b"a draft of many words" not in b"".join(files(path).values())
        for number in range(3):
            await storage.history.delete(f"room-with-a-name-{number}")
        assert b"room-with-a-name" not in b"".join(files(path).values())


async def test_a_removal_that_a_killed_process_left_half_done_is_finished_at_the_next_start(tmp_path: Path) -> None:
    draw = Draw(random.Random(1))
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        await asyncio.gather(*(send(storage.history, draw.word()) for _ in range(erasure.SLICE * 3)))
        await send(storage.history, "kept", "other")
    # As a process leaves it that ends after the deletion's commit and before the first slice.
    connection = apsw.Connection(str(path))
    log = connection.execute("SELECT id FROM conversation ORDER BY id LIMIT 1").get
    connection.execute("INSERT INTO doomed VALUES (?)", (log,))
    connection.execute("DELETE FROM conversation WHERE id = ?", (log,))
    connection.close()
    assert len(words_in(path)) == draw.count
    async with opened(path) as storage:
        async with asyncio.timeout(20):
            while words_in(path):  # noqa: ASYNC110  # only the files show it
                await asyncio.sleep(0.05)
        assert [entry.seq for entry in await read_all(storage.history, "other")] == [1]


async def test_senders_are_served_while_a_big_conversation_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "store.sqlite3") as storage:
        await asyncio.gather(*(send(storage.history, f"m{number}") for number in range(erasure.SLICE * 6)))
        # Many slices: a busy machine may let the loop miss the pauses between some of them.
        monkeypatch.setattr(erasure, "SLICE", erasure.SLICE // 10)
        deleting = asyncio.ensure_future(storage.history.delete("room"))
        answered = 0
        while not deleting.done():
            await send(storage.history, conversation="other")
            answered += 1
        assert await deleting
        assert answered > 3


async def test_the_space_of_what_was_removed_is_used_again(tmp_path: Path) -> None:
    """Rooms are created and deleted for long; the file grows to what one generation needs, not all of them."""
    path = tmp_path / "store.sqlite3"
    sizes = []
    async with opened(path) as storage:
        await send(storage.history, "the oldest", "kept", key="k")
        await update(storage.history, "kept", title="Kept")
        for generation in range(9):
            name = f"room{generation}"
            await asyncio.gather(*(send(storage.history, "x" * 400, name) for _ in range(4_000)))
            await send(storage.history, f"{generation}", "kept")
            await storage.history.delete(name)
            async with asyncio.timeout(20):
                while storage_blank(path) > 5 * erasure.MARGIN + 4_000:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            sizes.append(path.stat().st_size)
        assert [entry.seq for entry in await read_all(storage.history, "kept")] == list(range(1, 12))
        assert (await send(storage.history, "the oldest", "kept", key="k")).entry.seq == 1
        found = await storage.history.conversation("kept")
        assert found is not None
        assert found.title == "Kept"
    assert sizes[-1] <= sizes[4] * 1.1, sizes
    assert integrity(path) == "ok"


def storage_blank(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        blank: int = connection.execute("SELECT value FROM meta WHERE name = 'blank'").get
    finally:
        connection.close()
    return blank


def integrity(path: Path) -> str:
    connection = apsw.Connection(str(path))
    try:
        result: str = connection.execute("PRAGMA integrity_check").get
    finally:
        connection.close()
    return result
