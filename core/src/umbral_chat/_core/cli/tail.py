"""`tail`: the end of a conversation, and with -f what comes, live."""

from __future__ import annotations

import asyncio

import rich_click as click

from umbral_chat._core.cli.command import command, conversation_argument, json_option, run_async
from umbral_chat._core.cli.service import current_service, service_options


@command("tail", "umbral-chat tail demo -f", "umbral-chat tail demo --after 0 --json | jq .content")
@conversation_argument
@click.option("-f", "--follow", "live", is_flag=True, help="Stay and show what comes; Ctrl-C ends it.")
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

    A service that goes away is asked again until it is back: no entry is missed and none comes twice. With --json each
    entry is a line of JSON. A conversation that was never made reads as empty and can be waited on.
    """
    from umbral_chat._core.cli.client import Client, Json
    from umbral_chat._core.cli.entries import INDENT, Printer
    from umbral_chat._core.cli.follow import Follower, follow, last_entries
    from umbral_chat._core.cli.output import notice, print_json, say, stdout

    console, printer = stdout(), Printer()

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
                notice(f"To go on from here: umbral-chat tail {conversation} -f --after {follower.cursor}")
            raise


__all__ = ["tail_command"]
