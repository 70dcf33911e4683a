"""The parts of a service's status that change by themselves: mode, toggle, history, transports, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from umbral_chat._core.cli.json_view import STATES
from umbral_chat._core.cli.output import moment, one_line

if TYPE_CHECKING:
    from rich.text import Text

VOLATILE = ("counters",)
"""Members of the status that differ from call to call without a change of state."""

COUNTDOWN = "next_attempt_in"


def toggle_words(toggle: Any) -> str:
    """The toggle as the end of a sentence: `off, switched by key:n8n at 2026-11-22 22:06:22`."""
    toggle = toggle if isinstance(toggle, dict) else {}
    state = "on" if toggle.get("enabled") else "off"
    if toggle.get("locked"):
        return f"{state} in the settings (realtime.enabled = false)"
    if not toggle.get("by"):
        return f"{state}, as it was at the start: it was never switched"
    return f"{state}, switched by {one_line(str(toggle['by']), 200)} at {moment(str(toggle.get('at') or ''))}"


def essence(status: Any) -> Any:
    """The status without what differs from call to call: if two are equal, nothing has changed."""
    if not isinstance(status, dict):
        return status
    kept = {name: value for name, value in status.items() if name not in VOLATILE}
    if isinstance(rows := kept.get("transports"), list):
        kept["transports"] = [
            {name: value for name, value in row.items() if name != COUNTDOWN} if isinstance(row, dict) else row
            for row in rows
        ]
    return kept


def with_readable_countdowns(status: Any) -> Any:
    """The status with each transport's countdown as text: `1.5 s`."""
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
    """One line each for the mode, the toggle, the history and every transport."""
    from rich.text import Text

    known = status if isinstance(status, dict) else {}
    mode = one_line(str(known.get("mode", "?")), 40)
    yield Text.assemble(("mode      ", "dim"), (mode, STATES.get(mode, "bold")), f"  {_short(known.get('reason'))}")
    yield Text.assemble(("realtime  ", "dim"), toggle_words(known.get("realtime")))
    health = ("  answers", "green")
    if down := known.get("history_down_since"):
        health = (f"  does not answer since {moment(str(down))}", "red")
    yield Text.assemble(("history   ", "dim"), _short(known.get("history")), health)
    rows = known.get("transports")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            yield _transport(row)


def _transport(row: dict[str, Any]) -> Text:
    from rich.text import Text

    state = row.get("state")
    state = state if isinstance(state, dict) else {}
    name = one_line(str(state.get("state", "?")), 40)
    line = Text.assemble(
        "▸ " if row.get("in_use") else "  ",
        _short(row.get("name")).ljust(10),
        (name.ljust(11), STATES.get(name, "")),
        (f"since {moment(str(state.get('since') or ''))}", "dim"),
        f"  {_short(state.get('reason'))}",
    )
    if isinstance(seconds := row.get(COUNTDOWN), int | float):
        line.append(f"  (next attempt in {seconds:.1f} s)", "yellow")
    return line


def _short(value: Any) -> str:
    return one_line(str(value or ""), 300)


__all__ = ["essence", "summary", "toggle_words", "with_readable_countdowns"]
