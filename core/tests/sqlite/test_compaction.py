"""Reclaiming blanked rows: it loses nothing, and leaves no copy of what it moves or passes.

A copy that a rebalancing leaves in a page's gap would be missed by a later redaction of the row that moved. The tests
count how often the file holds each living row's words, so they see such a copy before anything is redacted.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import apsw
import pytest
from umbral_chat._core.sqlite.engine.schema import migrate
from umbral_chat._core.sqlite.log import erasure

WORD = re.compile(rb"w[0-9]{6}-")


def table(path: Path, draw: random.Random) -> apsw.Connection:
    """A store whose first rows are blank, a margin of them, and then a mixture of blank and living ones."""
    connection = apsw.Connection(str(path))
    for pragma in ("synchronous = OFF", "journal_mode = MEMORY", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    migrate(connection)
    sizes = draw.choice([(300, 1_000, 2_000), (700,), (1_500,), (20, 3_000), (100, 200), (3_000,)])
    rows = range(1, erasure.MARGIN + 101)
    connection.execute("BEGIN")
    for row in rows:
        words = 1 if row <= erasure.MARGIN else draw.choice(sizes) // 8 + 1
        connection.execute("INSERT INTO body VALUES (?1, 1, ?1, ?2, NULL, NULL)", (row, f"w{row:06}-" * words))
        connection.execute("INSERT INTO entry (conversation, seq, kind, body) VALUES (1, ?1, 0, ?1)", (row,))
    connection.execute("COMMIT")
    mixture = list(rows)[erasure.MARGIN :]
    erasure.blank(connection, [*rows[: erasure.MARGIN], *draw.sample(mixture, draw.choice((30, 50, 80, 90)))])
    return connection


def words(connection: apsw.Connection) -> Counter[bytes]:
    return Counter(
        word
        for (text,) in connection.execute("SELECT json FROM body WHERE json IS NOT NULL").fetchall()
        for word in WORD.findall(str(text).encode())
    )


def compacted(path: Path, seed: int) -> list[int]:
    """Compact all the old rows; the number of surplus words in the file after each step."""
    connection = table(path, random.Random(seed))
    before = words(connection)
    last = connection.execute("SELECT max(id) FROM body").get
    extra: list[int] = []
    while connection.execute("SELECT min(id) FROM body").get + erasure.MARGIN <= last:
        connection.execute("BEGIN")
        erasure.compact_slice(connection)
        connection.execute("COMMIT")
        extra.append(sum((Counter(WORD.findall(path.read_bytes())) - words(connection)).values()))
    assert words(connection) == before
    lost = "SELECT count(*) FROM entry e JOIN body b ON b.id = e.body WHERE b.seq <> e.seq"
    assert connection.execute(lost).get == 0
    blank = "SELECT count(*) - (SELECT value FROM meta WHERE name = 'blank') FROM body WHERE json IS NULL"
    assert connection.execute(blank).get == 0
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()
    return extra


@pytest.mark.parametrize(("margin", "leaks"), [(10, True), (500, False)])
def test_only_a_cut_without_its_margin_leaves_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, margin: int, leaks: bool
) -> None:
    monkeypatch.setattr(erasure, "SLICE", 7)
    monkeypatch.setattr(erasure, "MARGIN", margin)
    found = [any(compacted(tmp_path / f"{seed}.sqlite3", seed)) for seed in range(20)]
    assert any(found) == leaks


def test_the_margin_covers_every_page_that_a_cut_may_touch() -> None:
    """A blank row is smallest with a small id; three pages full of such rows must be inside the margin."""
    connection = apsw.Connection("")
    connection.execute("CREATE TABLE body (id INTEGER PRIMARY KEY, a, b, c, d, e)")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) "
        "INSERT INTO body (id) SELECT i FROM n"
    )
    most = connection.execute("SELECT max(ncell) FROM dbstat WHERE name = 'body' AND pagetype = 'leaf'").get
    assert most * 3 < erasure.MARGIN
    connection.close()
