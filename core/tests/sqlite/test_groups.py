"""What is written in one group is what would have been written one by one."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from umbral_chat._core.sqlite.log import inbox, reads, transaction
from umbral_chat.errors import UmbralChatError
from umbral_chat.model.entries import Changes, Member, Sender
from umbral_chat.model.writes import Write, WriteEdit, WriteMessage, WriteRedaction, WriteRun, WriteUpdate
from umbral_chat.providers.history import History
from umbral_chat.testing.embedded import HandClock, opened

IDS = ("m1", "m2", "m3")


def common(**more: Any) -> dict[str, Any]:
    return {
        "conversation": st.sampled_from(("a", "b")),
        "subject": st.sampled_from(("s", "t")),
        "sender": st.builds(Sender, role=st.sampled_from(("user", "agent"))),
        "key": st.none() | st.sampled_from(("k1", "k2")),
        **more,
    }


WRITES = st.one_of(
    st.builds(
        WriteMessage,
        **common(content=st.text(max_size=5), message_id=st.none() | st.sampled_from(IDS), metadata=st.none()),
    ),
    st.builds(
        WriteEdit,
        **common(content=st.text(max_size=5), message_id=st.sampled_from(IDS), own_only=st.booleans()),
    ),
    st.builds(WriteRun, **common(run_id=st.sampled_from(IDS), outcome=st.sampled_from(("completed", "failed")))),
    st.builds(WriteRedaction, **common(message_id=st.sampled_from(IDS), own_only=st.booleans())),
    st.builds(
        WriteUpdate,
        **common(
            changes=st.builds(
                Changes,
                title=st.none() | st.text(max_size=3),
                status=st.sampled_from(("open", "closed")),
                members=st.lists(st.builds(Member, subject=st.sampled_from(("s", "t"))), max_size=1),
            )
        ),
    ),
)
STEPS = st.lists(st.tuples(WRITES | st.sampled_from(("delete a", "ensure a", "ensure b")), st.booleans()), max_size=25)
"""What is done, and whether it waits for all before it."""


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
async def test_a_group_does_what_its_operations_do_one_by_one(steps: list[tuple[Write | str, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        alone = await play(Path(folder) / "alone.sqlite3", [(step, True) for step, _ in steps])
        together = await play(Path(folder) / "together.sqlite3", steps)
    assert together == alone


async def play(path: Path, steps: list[tuple[Write | str, bool]]) -> list[Any]:
    """Every answer, and what is stored in the end; epochs and drawn ids left out, which are another's each time."""
    async with opened(path, clock=HandClock()) as storage:
        history = storage.history
        outcomes: list[Any] = []
        waiting: list[asyncio.Task[Any]] = []
        for step, waits in steps:
            waiting.append(asyncio.ensure_future(do(history, step)))
            await asyncio.sleep(0)
            if waits:
                outcomes += [await task for task in waiting]
                waiting = []
        outcomes += [await task for task in waiting]
        for name in ("a", "b"):
            outcomes += [
                await outcome_of(history.read(name, 0, 100)),
                await outcome_of(history.messages(name, limit=100)),
            ]
            outcomes += [
                await outcome_of(history.conversation(name, subject="s")),
                await outcome_of(history.message(name, "m1")),
            ]
        return outcomes


async def do(history: History, step: Write | str) -> Any:
    match step:
        case "delete a":
            return await history.delete("a")
        case "ensure a" | "ensure b":
            return await outcome_of(history.ensure(step[-1]))
        case str():
            raise AssertionError(step)
        case write:
            return await outcome_of(history.append(write))


async def outcome_of(call: Any) -> Any:
    try:
        answer = await call
    except UmbralChatError as error:
        return type(error).__name__, getattr(error, "code", None)
    return plain(msgspec.to_builtins(answer))


def plain(value: Any) -> Any:
    """Without what is drawn at random."""
    if isinstance(value, dict):
        return {
            name: plain(part)
            for name, part in value.items()
            if name not in {"epoch", "json"} and not (name == "message_id" and part not in IDS)
        }
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def statements() -> list[tuple[str, str]]:
    found = [("load", transaction._LOAD), ("one", inbox._ONE), ("page", inbox._PAGE), ("heads", reads._HEADS)]
    return [*found, ("read", reads._READ), ("forward", reads._FORWARD), ("backward", reads._BACKWARD)]


@pytest.mark.parametrize(("name", "sql"), statements(), ids=lambda value: value if len(value) < 10 else "")
async def test_no_query_scans_a_table(tmp_path: Path, name: str, sql: str) -> None:
    """Each finds its rows through an index, and the edits of a message through theirs: never through the whole log."""
    path = tmp_path / "store.sqlite3"
    async with opened(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        count = max((int(digit) for digit in "123456" if f"?{digit}" in sql), default=0)
        names = dict.fromkeys(re.findall(r":([a-z_]+)", sql))
        assert bool(count) != bool(names)
        bindings = names or (None,) * count
        rows: list[Any] = connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings).fetchall()
        plan = [row[3] for row in rows]
        connection.close()
    whole = ("conversation", "entry", "body", "tombstone", "marker", " c", " e", " b", " n", " x", " t")
    assert not [line for line in plan if line.startswith("SCAN") and line[4:].startswith(whole)], plan
    # A search by conversation alone is only right where it continues in the order of seqs.
    assert ("entry_target" in " ".join(plan)) == (name in {"one", "page", "forward", "backward"})
