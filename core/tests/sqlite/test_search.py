"""How much of the inbox one search looks at."""

from __future__ import annotations

from pathlib import Path

import pytest
from umbral_chat._core.sqlite.log import inbox_search
from umbral_chat.model.conversations import InboxFilter
from umbral_chat.providers.history import OperatorInbox
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.storage import update


async def test_a_long_inbox_is_searched_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_search, "SCAN", 5)
    monkeypatch.setattr(inbox_search, "_BATCH", 2)
    async with opened(tmp_path / "store.sqlite3") as storage:
        history = storage.history
        assert isinstance(history, OperatorInbox)
        for number in range(12):
            await update(history, f"c{number:02}", title="wanted" if number in {1, 5} else "other")
        pages: list[list[str]] = []
        before: str | None = None
        while True:
            page = await history.search(InboxFilter(text="WANTED"), limit=3, before=before)
            pages.append([one.id for one in page.conversations])
            if page.before is None:
                break
            before = page.before
        assert pages == [[], ["c05"], ["c01"]]
        everything = await history.search(InboxFilter(status="open"), limit=12)
        assert len(everything.conversations) == 12, "only texts are compared one by one"
