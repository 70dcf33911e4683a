"""`tail`: the newest entries of a conversation and, with -f, new ones as they arrive, each as a line of text."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

import rich_click as click

from umbral_chat._core.cli.command import command, conversation_argument, json_option, run_async
from umbral_chat._core.cli.output import clean, local_time, notice, one_line, print_json, say, stdout, to_json
from umbral_chat._core.cli.service import current_service, service_options
from umbral_chat.model.attachments import in_words

if TYPE_CHECKING:
    from rich.text import Text

    from umbral_chat._core.cli.client import Json

COLOURS = {"user": "cyan", "assistant": "green", "agent": "magenta", "system": "yellow"}
"""By role; a role that is not here has no colour."""

REMEMBERED = 10_000
"""Message numbers kept, so that an edit can name the line that it changes; an older message is named by its id."""

INDENT = 15
"""Columns by which an entry's further lines are indented, so that no content can look like an entry of its own."""


@command("tail", "umbral-chat tail demo -f", "umbral-chat tail demo --after 0 --json | jq .content")
@conversation_argument
@click.option("-f", "--follow", "live", is_flag=True, help="Keep running and show new entries, until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=10, metavar="N", help="How many of the newest entries to show."
)
@click.option("--after", metavar="CURSOR", help="Show everything after this cursor instead; 0 is the beginning.")
@json_option
@service_options
@click.pass_context
@run_async
async def tail_command(
    ctx: click.Context, conversation: str, live: bool, lines: int, after: str | None, as_json: bool
) -> None:
    """Show the newest entries of a conversation and, with -f, follow it.

    If the service stops answering, it is asked again until it is back: no entry is missed or shown twice. With --json
    each entry is a line of JSON. A conversation that was never made reads as empty and can be followed.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.follow import Follower, follow, last_entries

    console, printer = stdout(), EntryPrinter()

    def show(entries: list[Json]) -> None:
        for entry in entries:
            if as_json:
                print_json(entry, lines=True)
                continue
            for line in printer.lines(entry):
                say(line, console=console, indent=INDENT)

    async with Client(current_service(ctx)) as client:
        follower = Follower(after or await last_entries(client, conversation, lines))
        try:
            await follow(client, conversation, follower, show, live=live, notice=notice)
        except asyncio.CancelledError:
            if not as_json:
                notice(f"To continue from here: umbral-chat tail {conversation} -f --after {follower.cursor}")
            raise


class EntryPrinter:
    """Renders the entries of one conversation, in order, as lines of text: time, number, sender, and what happened."""

    def __init__(self) -> None:
        self._day = ""
        self._numbers: OrderedDict[str, int] = OrderedDict()

    def lines(self, entry: Json) -> list[Text]:
        """The entry's line, after one with the date if that has changed."""
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
                self._description(entry),
            )
        )
        return lines

    def _description(self, entry: Json) -> Text:
        from rich.text import Text

        match entry.get("kind"):
            case "message":
                self._remember(entry)
                if entry.get("redacted"):
                    return Text("(redacted)", style="dim italic")
                reply = f"re {self._reference(entry['reply_to'])}: " if entry.get("reply_to") else ""
                mark = " (edited)" if entry.get("edited_at") else ""
                if entry.get("finish"):
                    mark = f" ({one_line(str(entry['finish']), 40)})"
                return Text.assemble((reply, "dim"), clean(_content(entry)), (mark, "dim italic"))
            case "edit":
                what = Text(f"edits {self._reference(entry['message_id'])}: ", style="dim italic")
                if entry.get("redacted"):
                    return what.append("(redacted)")
                return Text.assemble(what, clean(_content(entry)))
            case "redaction":
                return Text(f"redacts {self._reference(entry['message_id'])}", style="dim italic")
            case "update":
                changes = (f"{one_line(name, 40)}: {_value(value)}" for name, value in entry["changes"].items())
                return Text("sets " + ", ".join(changes), style="dim italic")
            case "run":
                reason = f" ({one_line(str(entry['reason']), 200)})" if entry.get("reason") else ""
                return Text(f"run ended without a message: {entry['outcome']}{reason}", style="dim italic")
            case kind:
                return Text(f"({one_line(str(kind), 40)})", style="dim italic")

    def _remember(self, entry: Json) -> None:
        self._numbers[entry["message_id"]] = entry["seq"]
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)

    def _reference(self, message_id: str) -> str:
        known = self._numbers.get(message_id)
        return str(known) if known else one_line(message_id, 40)


def _content(entry: Json) -> str:
    return str(entry["content"] or in_words(entry.get("metadata")))


def _value(value: Json) -> str:
    return one_line(value if isinstance(value, str) else to_json(value), 200)


__all__ = ["COLOURS", "INDENT", "EntryPrinter", "tail_command"]
