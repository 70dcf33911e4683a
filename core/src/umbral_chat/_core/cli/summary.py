"""What of a service's status changes while one looks: mode, toggle, transports. Pure but for the lines' colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from umbral_chat._core.cli.json_view import STATES
from umbral_chat._core.cli.output import moment, one_line

if TYPE_CHECKING:
    from rich.text import Text

RESTLESS = ("counters",)
"""Members of the status that say nothing of how the service is: they differ from call to call."""

COUNTDOWN = "next_attempt_in"


def toggle_words(toggle: Any) -> str:
    """The toggle as the end of a sentence: `off, switched by key:n8n at 2026-11-22 22:06:22`."""
    toggle = toggle if isinstance(toggle, dict) else {}
    state = "on" if toggle.get("enabled") else "off"
    if toggle.get("locked"):
        return f"{state} in the settings (realtime.enabled = false)"
    if not toggle.get("by"):
        return f"{state}, as it was at the start: nobody has switched it"
    return f"{state}, switched by {one_line(str(toggle['by']), 200)} at {moment(str(toggle.get('at') or ''))}"


def essence(status: Any) -> Any:
    """The status without what differs from call to call: two equal ones are no change."""
    if not isinstance(status, dict):
        return status
    kept = {name: value for name, value in status.items() if name not in RESTLESS}
    if isinstance(rows := kept.get("transports"), list):
        kept["transports"] = [
            {name: value for name, value in row.items() if name != COUNTDOWN} if isinstance(row, dict) else row
            for row in rows
        ]
    return kept


def readable(status: Any) -> Any:
    """The status with its countdowns as seconds that a person reads."""
    if not isinstance(status, dict) or not isinstance(rows := status.get("transports"), list):
        return status
    return status | {
        "transports": [
            row | {COUNTDOWN: f"{row[COUNTDOWN]:.1f} s"}
            if isinstance(row, dict) and isinstance(row.get(COUNTDOWN), int | float)
            else row
            for row in rows
        ]
    }


def summary(status: Any) -> Iterator[Text]:
    """A few lines, one for each thing that may change by itself."""
    from rich.text import Text

    known = status if isinstance(status, dict) else {}
    mode = one_line(str(known.get("mode", "?")), 40)
    yield Text.assemble(("mode      ", "dim"), (mode, STATES.get(mode, "bold")), f"  {_said(known.get('reason'))}")
    yield Text.assemble(("realtime  ", "dim"), toggle_words(known.get("realtime")))
    health = ("  answers", "green")
    if down := known.get("history_down_since"):
        health = (f"  does not answer since {moment(str(down))}", "red")
    yield Text.assemble(("history   ", "dim"), _said(known.get("history")), health)
    rows = known.get("transports")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            yield _transport(row)


def _transport(row: dict[str, Any]) -> Text:
    from rich.text import Text

    told = row.get("state")
    state = told if isinstance(told, dict) else {}
    name = one_line(str(state.get("state", "?")), 40)
    line = Text.assemble(
        "▸ " if row.get("in_use") else "  ",
        _said(row.get("name")).ljust(10),
        (name.ljust(11), STATES.get(name, "")),
        (f"since {moment(str(state.get('since') or ''))}", "dim"),
        f"  {_said(state.get('reason'))}",
    )
    if isinstance(wait := row.get(COUNTDOWN), int | float):
        line.append(f"  (next attempt in {wait:.1f} s)", "yellow")
    return line


def _said(value: Any) -> str:
    return one_line(str(value or ""), 300)


__all__ = ["essence", "readable", "summary", "toggle_words"]
