"""`conversations` lists the conversations by last activity, `delete` deletes one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

import rich_click as click

from umbral_chat._core.cli.command import command, confirm, conversation_argument, json_option, run_async
from umbral_chat._core.cli.failures import AnotherService
from umbral_chat._core.cli.service import current_service, service_options

if TYPE_CHECKING:
    from umbral_chat._core.cli.client import Client, Json


@command(
    "conversations",
    "umbral-chat conversations --waiting",
    "umbral-chat conversations --assignee none --search refund",
    "umbral-chat conversations --all --json",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, metavar="N", help="How many to show, newest activity first."
)
@click.option("--all", "everything", is_flag=True, help="Show all of them, page by page.")
@click.option("--status", type=click.Choice(["open", "closed"]), help="Only those of this status.")
@click.option(
    "--waiting/--not-waiting",
    default=None,
    help="Only those that are open and have a user's message last, or only the others.",
)
@click.option(
    "--assignee",
    metavar="SUBJECT",
    help="Only those that this agent has; `none`: nobody has them; `me`: the key's own.",
)
@click.option("--search", metavar="TEXT", help="Only those whose title or id contains this, upper or lower case.")
@json_option
@service_options
@click.pass_context
@run_async
async def conversations_command(
    ctx: click.Context,
    limit: int,
    everything: bool,
    status: str | None,
    waiting: bool | None,
    assignee: str | None,
    search: str | None,
    as_json: bool,
) -> None:
    """List the conversations by last activity. With --json each is a line of JSON."""
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.output import print_json, stderr, stdout

    found = []
    async with Client(current_service(ctx)) as client:
        filters = {
            "status": status,
            "waiting": None if waiting is None else str(waiting).lower(),
            "assignee": assignee,
            "q": search,
        }
        async for conversation in listed(client, filters=filters, limit=None if everything else limit):
            if as_json:
                print_json(conversation, lines=True)
            else:
                found.append(conversation)
    if found:
        stdout().print(_table(found))
    elif not as_json:
        stderr().print("No conversations.")


async def listed(
    client: Client, *, filters: Mapping[str, str | None] | None = None, limit: int | None = None
) -> AsyncIterator[Json]:
    """The conversations by last activity, newest first, up to `limit` (None: all). `filters`: parameters of the
    request; None is left out."""
    from umbral_chat._core.cli.shapes import InboxShape

    before, given = None, 0
    while True:
        # The page size is the service's own: its maximum may be lower than any that we would request.
        params: dict[str, str | int | None] = {**(filters or {}), "before": before}
        page = await client.call("GET", "/v1/conversations", params=params, shape=InboxShape)
        for conversation in page["conversations"]:
            if limit is not None and given >= limit:
                return
            given += 1
            yield conversation
        before = page.get("before")
        if not before:
            return


@command("delete", "umbral-chat delete demo", "umbral-chat delete demo --yes")
@conversation_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@service_options
@click.pass_context
@run_async
async def delete_command(ctx: click.Context, conversation: str, yes: bool) -> None:
    """Delete a conversation with everything in it. This cannot be undone."""
    from umbral_chat._core.cli.client import Client, conversation_path
    from umbral_chat._core.cli.output import stdout

    confirm(f"Delete conversation {conversation} and everything in it?", yes=yes)
    async with Client(current_service(ctx)) as client:
        answer = await client.fetch("DELETE", conversation_path(conversation))
        if answer.status_code != 204:
            raise AnotherService(answer.status_code, client.service.url, "A deletion must be answered with 204.")
    stdout().print(f"✓ {conversation} is deleted")


def _table(conversations: list[Json]) -> object:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from umbral_chat._core.cli.output import moment, one_line

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("conversation", style="cyan", overflow="fold")
    table.add_column("title")
    table.add_column("status")
    table.add_column("assignee")
    table.add_column("unread", justify="right")
    table.add_column("last activity", no_wrap=True)
    table.add_column("last message", ratio=1)
    for item in conversations:
        last = item.get("last_message") or {}
        text = "(redacted)" if last.get("redacted") else one_line(str(last.get("content") or ""), 80)
        role = (last.get("sender") or {}).get("role", "")
        table.add_row(
            one_line(item["id"], 128),
            one_line(str(item.get("title") or ""), 40),
            Text(one_line(str(item.get("status", "")), 20), style="dim" if item.get("status") == "closed" else "green"),
            one_line(str(item.get("assignee") or ""), 40),
            str(item.get("unread", "")),
            moment(item.get("last_activity")),
            one_line(f"{role}: {text}", 100) if text else "",
        )
    return table


__all__ = ["conversations_command", "delete_command", "listed"]
