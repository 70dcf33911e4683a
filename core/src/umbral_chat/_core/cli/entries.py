"""Entries as lines for people: time, number, who, and what happened."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from umbral_chat._core.cli.client import Json
from umbral_chat._core.cli.output import as_json, clean, local_time, one_line
from umbral_chat.model.attachments import in_words

if TYPE_CHECKING:
    from rich.text import Text

COLOURS = {"user": "cyan", "assistant": "green", "agent": "magenta", "system": "yellow"}
"""By role; anything newer stays uncoloured."""

REMEMBERED = 10_000
"""Message numbers kept, so that an edit can say which line it changes; an older one is named by its id."""


class Printer:
    """Renders one conversation's entries in order; remembers the day and which message has which number."""

    def __init__(self) -> None:
        self._day = ""
        self._numbers: OrderedDict[str, int] = OrderedDict()

    def lines(self, entry: Json) -> list[Text]:
        """The entry's line, after the day's when that changed."""
        from rich.text import Text

        at = local_time(entry.get("at"))
        lines = []
        if at and (day := at.strftime("%Y-%m-%d")) != self._day:
            self._day = day
            lines.append(Text(f"── {day} ──", style="dim"))
        sender = entry.get("sender") or {}
        role = str(sender.get("role", ""))
        name = one_line(str(sender.get("name") or sender.get("id") or ""), 40)
        lines.append(
            Text.assemble(
                (at.strftime("%H:%M:%S") if at else "--:--:--", "dim"),
                (f" {entry['seq']:>4} ", "dim"),
                (f"{one_line(role, 40)} {name}".strip(), COLOURS.get(role, "")),
                "  ",
                self._what(entry),
            )
        )
        return lines

    def _what(self, entry: Json) -> Text:
        from rich.text import Text

        match entry.get("kind"):
            case "message":
                self._remember(entry)
                if entry.get("redacted"):
                    return Text("(redacted)", style="dim italic")
                reply = f"re {self._which(entry['reply_to'])}: " if entry.get("reply_to") else ""
                edited = " (edited)" if entry.get("edited_at") else ""
                return Text.assemble((reply, "dim"), clean(_said(entry)), (edited, "dim italic"))
            case "edit":
                what = Text(f"edits {self._which(entry['message_id'])}: ", style="dim italic")
                if entry.get("redacted"):
                    return what.append("(redacted)")
                return Text.assemble(what, clean(_said(entry)))
            case "redaction":
                return Text(f"redacts {self._which(entry['message_id'])}", style="dim italic")
            case "update":
                changes = (f"{one_line(name, 40)}: {_value(value)}" for name, value in entry["changes"].items())
                return Text("sets " + ", ".join(changes), style="dim italic")
            case kind:
                return Text(f"({one_line(str(kind), 40)})", style="dim italic")

    def _remember(self, entry: Json) -> None:
        self._numbers[entry["message_id"]] = entry["seq"]
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)

    def _which(self, message_id: str) -> str:
        known = self._numbers.get(message_id)
        return str(known) if known else one_line(message_id, 40)


def _said(entry: Json) -> str:
    return str(entry["content"] or in_words(entry.get("metadata")))


INDENT = 15
"""Columns that an entry's further lines stand behind, under its first, so that no content can pass for an entry of its
own."""


def _value(value: Json) -> str:
    return one_line(value if isinstance(value, str) else as_json(value), 200)


__all__ = ["COLOURS", "INDENT", "Printer"]
