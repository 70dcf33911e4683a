"""What a line says of its entry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.entries import Message, Run, Sender


@pytest.mark.parametrize("imported", [False, True])
def test_what_was_said_long_ago_ends_nobody_s_typing(imported: bool) -> None:
    message = Message(
        seq=1,
        at=datetime(2026, 11, 22, tzinfo=UTC),
        sender=Sender("user"),
        message_id="m",
        content="x",
        imported=imported,
    )
    line = EncodedEntry.of(message)
    assert (line.ends_typing, line.imported) == (not imported, imported)
    assert (b'"imported":true' in line.json) == imported


@pytest.mark.parametrize("imported", [False, True])
def test_the_end_of_a_run_names_it(imported: bool) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    run = Run(seq=1, at=at, sender=Sender("assistant"), run_id="r1", outcome="failed", imported=imported)
    line = EncodedEntry.of(run)
    assert (line.kind, line.message_id, line.run_id) == ("run", None, "r1")
    assert (line.ends_run, line.ends_draft, line.ends_typing) == (not imported, False, False)
