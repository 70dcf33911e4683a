"""Subscriptions as styled lines for a terminal. Pure; fields of a newer service are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.text import Text
from umbral_chat.commands import counted, moment, one_line

LINE = 200
"""Most characters of a value on a line."""


def overview(answer: Any) -> Iterator[Text]:
    """One line for each subscription."""
    rows = answer.get("subscriptions") if isinstance(answer, dict) else None
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    yield Text(counted(len(found), "subscription", "subscriptions"), "bold")
    for row in found:
        line = Text.assemble("  ", (one_line(str(row.get("name")), LINE), "bold"), "  ", _way(row))
        if row.get("paused"):
            line.append("  paused", "yellow")
        if (lag := row.get("lag")) is not None:
            line.append(f"  lag {lag:.0f} s", "dim")
        if row.get("dead"):
            line.append(f"  {row['dead']} given up", "red")
        if isinstance(error := row.get("last_error"), dict):
            line.append(f"  {one_line(str(error.get('reason')), LINE)}", "dim")
        yield line


def details(row: Any) -> Iterator[Text]:
    """A subscription, one thing a line."""
    known = row if isinstance(row, dict) else {}
    yield Text(one_line(str(known.get("name")), LINE), "bold")
    yield Text(f"  {_way(known)}{', paused' if known.get('paused') else ''}")
    if known.get("filter"):
        yield Text(f"  filter {one_line(msgspec.json.encode(known['filter']).decode(), LINE)}")
    yield Text(f"  made {moment(str(known.get('created_at', '')))}, starting {one_line(str(known.get('start')), LINE)}")
    yield Text(f"  consumer {one_line(str(known.get('consumer')), LINE)}", "dim")
    if (lag := known.get("lag")) is not None:
        yield Text(f"  lag {lag:.0f} s")
    if known.get("open_claims"):
        yield Text(f"  {counted(known['open_claims'], 'open claim', 'open claims')}")
    if known.get("dead"):
        yield Text(f"  {known['dead']} given up: umbral-chat consumers failed {known.get('consumer')}", "red")
    if isinstance(error := known.get("last_error"), dict):
        reason = one_line(str(error.get("reason")), LINE)
        yield Text(f"  last error {moment(str(error.get('at', '')))}: {reason}", "yellow")
    if secret := known.get("secret"):
        yield Text.assemble("  secret ", (one_line(str(secret), LINE), "bold"), "  it is not shown again")


def _way(row: dict[str, Any]) -> str:
    push = row.get("push")
    way = f"to {one_line(str(push.get('url')), LINE)}" if isinstance(push, dict) else "claimed"
    after = row.get("after")
    return f"unread after {after:.10g} s, {way}" if isinstance(after, int | float) else way


__all__ = ["details", "overview"]
