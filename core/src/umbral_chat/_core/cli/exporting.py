"""`export`: whole logs as JSON Lines, in the format that `import` reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import rich_click as click

from umbral_chat._core.cli.command import ConversationId, command, run_async
from umbral_chat._core.cli.failures import Problem
from umbral_chat._core.cli.service import current_service, service_options

if TYPE_CHECKING:
    from datetime import datetime

    from umbral_chat._core.cli.client import Client, Json


@command("export", "umbral-chat export demo -o demo.jsonl", "umbral-chat export --all | gzip > all.jsonl.gz")
@click.argument("conversations", nargs=-1, type=ConversationId(), metavar="[CONVERSATION]...")
@click.option("--all", "everything", is_flag=True, help="Export every conversation.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, whole or not at all. Default: standard output.",
)
@service_options
@click.pass_context
@run_async
async def export_command(
    ctx: click.Context, conversations: tuple[str, ...], everything: bool, output: Path | None
) -> None:
    """Write the logs of conversations as JSON Lines: each entry in order, with its `conversation`.

    `umbral-chat import` reads the file. For an exact copy of everything, numbers and times included, see `umbral-chat
    backup`.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.files import replaced
    from umbral_chat._core.cli.output import counted, stderr

    if bool(conversations) == everything:
        raise click.UsageError("Name the conversations, or pass --all.")
    with ExitStack() as stack:
        file = stack.enter_context(replaced(output)) if output else _standard_output()
        async with Client(current_service(ctx)) as client:
            named = conversations or await _all_conversations(client)
            total = 0
            for conversation in dict.fromkeys(named):
                try:
                    total += await _export(client, conversation, file)
                except Problem as error:
                    # With --all, one that was deleted after the list was read is no failure.
                    if not (everything and error.code == "conversation_deleted"):
                        raise
    stderr().print(
        f"{counted(total, 'entry', 'entries')} of {counted(len(set(named)), 'conversation', 'conversations')}",
        soft_wrap=True,
    )


async def log_entries(client: Client, conversation: str) -> AsyncIterator[Json]:
    """Every entry of a log, in order; for a conversation without entries, `{"kind": "conversation"}`."""
    from umbral_chat._core.cli.client import conversation_path
    from umbral_chat._core.cli.shapes import EventsShape

    cursor, more = "0", True
    path = conversation_path(conversation, "events")
    while more:
        page = await client.call("GET", path, params={"after": cursor}, shape=EventsShape)
        if page.get("snapshot"):
            raise Problem(
                200, "The service answers snapshots", 'With `polling.sync_strategy = "snapshot"` no log can be read.'
            )
        for entry in page["entries"]:
            yield entry
        if cursor == "0" and page["cursor"] != "0" and not page["entries"]:
            # The conversation was made, and has no entries.
            yield {"kind": "conversation"}
        cursor, more = page["cursor"], page["has_more"]


async def _export(client: Client, conversation: str, file: BinaryIO) -> int:
    import msgspec

    count = 0
    async for entry in log_entries(client, conversation):
        file.write(msgspec.json.encode({"conversation": conversation, **entry}) + b"\n")
        count += entry["kind"] != "conversation"
    return count


async def _all_conversations(client: Client) -> tuple[str, ...]:
    from umbral_chat._core.cli.conversations import listed
    from umbral_chat._core.cli.output import local_time

    found: dict[str, None] = {}
    newest: datetime | None = None
    while True:
        # The inbox is ordered by last activity: a conversation that is written to while the pages are read moves to the
        # first page, which is read already. So the newer ones are read again, until there is no new one among them.
        first, known = None, len(found)
        async for conversation in listed(client):
            at = local_time(conversation["last_activity"])
            first = first or at
            if newest and at and at < newest:
                break
            found[conversation["id"]] = None
        if first is None or (newest and len(found) == known):
            return tuple(found)
        newest = first


def _standard_output() -> BinaryIO:
    import sys

    return sys.stdout.buffer


__all__ = ["export_command", "log_entries"]
