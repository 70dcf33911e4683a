"""The page `bench/POLLING.md`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.polling import Result

ABOUT = {
    "clients": """## How it grows with the clients

SQLite, mode `polling`. 100 conversations, in which 10 messages a second are written on the other instance. Each is one
gap that the polled instance fills by one read, for all who follow. With `snapshot` it is one read more.""",
    "idle": """## Nothing is said

SQLite, mode `polling`. 1,000 clients follow 100 conversations. Plain polls come at the pace that ten minutes of silence
lead to (`max_interval`, 5 s). In the last line nobody follows.""",
    "settings": """## What the settings change

SQLite, mode `polling`. 100 clients follow 100 conversations by plain polls; 10 messages a second. With `snapshot` each
conversation has 20 messages at the beginning.""",
    "newcomers": """## Who comes anew

SQLite. 40 clients load a conversation of 150 messages each, poll by poll from the beginning, and come anew after a
second; nothing is written. A client that was away for long is like one that comes anew.""",
    "supabase": """## On Supabase

A local Supabase. 100 clients follow 100 conversations; 10 messages a second on the other instance. Processor time is
the instance's own.""",
}
"""What stands above each table."""

COLUMNS: tuple[tuple[str, Callable[[Result], float], str], ...] = (
    ("polls/s", lambda one: one.polls / one.seconds, ",.1f"),
    ("of them 304", lambda one: one.unchanged, ".0%"),
    ("history reads/min", lambda one: one.reads * 60 / one.seconds, ",.0f"),
    ("bytes a client and hour", lambda one: one.bytes * 3600 / one.seconds / max(1, one.clients), ",.0f"),
    ("an entry comes after, ms", lambda one: one.late * 1000 if one.late is not None else float("nan"), ",.0f"),
    ("CPU of one processor", lambda one: one.cpu, ".1%"),
)


def page(found: Mapping[str, Sequence[tuple[str, Sequence[Result]]]], machine: str) -> str:
    """Markdown."""
    lines = ["# What polling costs", "", machine, "", LEGEND]
    for table, rows in found.items():
        lines += ["", ABOUT[table], ""]
        lines += ["| | " + " | ".join(name for name, _, _ in COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
        for name, runs in rows:
            cells = [_shown(statistics.median(of(run) for run in runs), form) for _, of, form in COLUMNS]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


LEGEND = """\
*Bytes* are those of requests and answers with their headers, uncompressed, as a client sends and gets them. *History
reads* are queries for entries or messages. Beside them an instance looks where the followed logs stand: in mode
`polling` once a tick, which is `min_interval` apart while something happens and `max_interval` in silence (240 to 12 a
minute by default), in mode `live` once each `reconcile_interval` (12 a minute). That is one query, however many clients
and conversations there are. *An entry comes after*: the median from the sender's call to the client that has it."""


def _shown(value: float, form: str) -> str:
    return "—" if value != value else format(value, form)


__all__ = ["page"]
