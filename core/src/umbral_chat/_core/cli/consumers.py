"""`consumers`: the durable consumers of the store, their dead letters, and what is to become of these."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rich_click as click

from umbral_chat._core.cli.command import ConversationId, command, confirm, json_option, run_async
from umbral_chat._core.cli.local import config_option, database_option, open_local_storage
from umbral_chat.errors import NotFound

if TYPE_CHECKING:
    from umbral_chat._core.consumers.dead_letters import DeadLetters
    from umbral_chat._core.consumers.registry import ConsumerRegistry
    from umbral_chat.providers.store import SharedStore


@command(
    "consumers",
    "umbral-chat consumers",
    "umbral-chat consumers failed acme-hours",
    "umbral-chat consumers retry acme-hours --conversation demo",
    "umbral-chat consumers drop acme-hours --all --yes",
)
@click.argument("action", type=click.Choice(["list", "failed", "retry", "drop"]), default="list")
@click.argument("name", required=False)
@click.option("--conversation", type=ConversationId(), metavar="ID", help="Only dead letters of this conversation.")
@click.option("--seq", type=click.IntRange(min=1), metavar="N", help="With --conversation: only the entry of this seq.")
@click.option("--all", "everything", is_flag=True, help="All dead letters of the consumer.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@database_option
@config_option
@json_option
@run_async
async def consumers_command(
    action: str,
    name: str | None,
    conversation: str | None,
    seq: int | None,
    everything: bool,
    yes: bool,
    database: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """List the durable consumers, and handle their dead letters: entries that were tried in vain, and given up.

    `failed NAME` lists the dead letters of a consumer, by reference and reason; their content is in the log alone.
    `retry NAME` has them delivered again, after whatever came later; `drop NAME` removes them. Both need `--all` or
    `--conversation`. It works on the store, beside the service, which notices within ten seconds.
    """
    from umbral_chat._core.consumers.dead_letters import DeadLetters
    from umbral_chat._core.consumers.registry import ConsumerRegistry
    from umbral_chat._core.plugins import boot

    if (action == "list") != (name is None):
        raise click.UsageError("Name a consumer to list its dead letters, to retry or to drop them; and only then.")
    if action in {"retry", "drop"} and everything == (conversation is not None):
        raise click.UsageError("Pass --all, or the --conversation whose dead letters are meant.")
    if seq is not None and conversation is None:
        raise click.UsageError("A seq is of one conversation: pass --conversation, too.")
    storage = open_local_storage(*boot(config, options={"core.database": database}))
    async with storage.lifespan:
        registry = ConsumerRegistry(storage.store)
        if name is None:
            await _list(storage.store, registry, as_json=as_json)
            return
        if name not in await registry.names():
            raise NotFound(f"There is no consumer {name!r} in this store: `umbral-chat consumers` lists them.")
        dead = DeadLetters(storage.store, name)
        if action == "failed":
            await _failed(dead, conversation, seq, as_json=as_json)
            return
        if action == "drop":
            confirm(f"Drop dead letters of {name}? The consumer is never passed these entries again.", yes=yes)
        await _change(action, name, dead, registry, (conversation, seq), as_json=as_json)


async def _list(store: SharedStore, registry: ConsumerRegistry, *, as_json: bool) -> None:
    from umbral_chat._core.cli.output import print_json, stderr, stdout
    from umbral_chat._core.consumers.dead_letters import DeadLetters

    found: list[dict[str, Any]] = []
    now = datetime.now(UTC)
    for name in await registry.names():
        status = await registry.status(name)
        row: dict[str, Any] = {"name": name, "dead": await DeadLetters(store, name).count()}
        if status is not None:
            error = status.last_error
            row |= {
                "lag": 0.0 if status.oldest is None else max(0.0, round((now - status.oldest).total_seconds(), 1)),
                "queued": status.queued,
                "failures": status.failures,
                "blocked": status.blocked,
                "last_error": None if error is None else {"at": error.at.isoformat(), "reason": error.reason},
                "at": status.at.isoformat(),
            }
        if as_json:
            print_json(row, lines=True)
        found.append(row)
    if found and not as_json:
        stdout().print(_consumers(found))
    elif not as_json:
        stderr().print("No consumers.")


async def _failed(dead: DeadLetters, conversation: str | None, seq: int | None, *, as_json: bool) -> None:
    from msgspec import to_builtins

    from umbral_chat._core.cli.output import print_json, stderr, stdout

    letters = [to_builtins(letter) for letter in await dead.list(conversation, seq)]
    if as_json:
        for letter in letters:
            print_json(letter, lines=True)
    elif letters:
        stdout().print(_letters(letters))
    else:
        stderr().print("No dead letters.")


async def _change(
    action: str,
    name: str,
    dead: DeadLetters,
    registry: ConsumerRegistry,
    which: tuple[str | None, int | None],
    *,
    as_json: bool,
) -> None:
    from umbral_chat._core.cli.output import counted, print_json, stdout

    count = await (dead.drop(*which) if action == "drop" else dead.mark_for_retry(*which))
    if count:
        await registry.ring(name)
    if as_json:
        print_json({"name": name, "dropped" if action == "drop" else "retried": count})
    elif action == "drop":
        stdout().print(f"✓ {counted(count, 'dead letter of', 'dead letters of')} {name} dropped")
    else:
        stdout().print(f"✓ {counted(count, 'dead letter of', 'dead letters of')} {name} will be tried again")


def _consumers(found: list[dict[str, Any]]) -> object:
    from rich import box
    from rich.table import Table

    from umbral_chat._core.cli.output import moment, one_line

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("consumer", style="cyan", overflow="fold")
    for title in ("dead", "queued", "lag", "failures"):
        table.add_column(title, justify="right")
    table.add_column("last error", ratio=1)
    for row in found:
        error = row.get("last_error")
        table.add_row(
            one_line(row["name"], 128),
            f"{row['dead']} (full)" if row.get("blocked") else str(row["dead"]),
            str(row.get("queued", "")),
            f"{row['lag']:.0f} s" if "lag" in row else "",
            str(row.get("failures", "")),
            "" if error is None else f"{moment(error['at'])}: {one_line(error['reason'], 200)}",
        )
    return table


def _letters(letters: list[dict[str, Any]]) -> object:
    from rich import box
    from rich.table import Table

    from umbral_chat._core.cli.output import moment, one_line

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("conversation", style="cyan", overflow="fold")
    table.add_column("seq", justify="right")
    table.add_column("tries", justify="right")
    table.add_column("first try", no_wrap=True)
    table.add_column("last try", no_wrap=True)
    table.add_column("reason", ratio=1)
    for letter in letters:
        table.add_row(
            one_line(letter["conversation"], 128),
            str(letter["seq"]),
            str(letter["tries"]),
            moment(letter["first_at"]),
            moment(letter["last_at"]),
            one_line(letter["reason"], 200) + (" (to be tried again)" if letter["retry"] else ""),
        )
    return table


__all__ = ["consumers_command"]
