"""`umbral-chat subscriptions`: make, show, pause and delete the subscriptions of a running service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import rich_click as click
from umbral_chat.commands import command, current_service, json_option, run_async, service_options

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH = "/v1/subscriptions"

KINDS = ("message", "edit", "redaction", "update", "run")
ROLES = ("user", "assistant", "agent", "system")

name_argument = click.argument("name")


@click.group("subscriptions", context_settings={"help_option_names": ["-h", "--help"]})
def subscriptions() -> None:
    """Make, show, pause and delete subscriptions: entries of many conversations, pushed to a URL or claimed."""


@command("list", "umbral-chat subscriptions list", "umbral-chat subscriptions list --json | jq '.subscriptions[].lag'")
@json_option
@service_options
@click.pass_context
@run_async
async def list_command(ctx: click.Context, as_json: bool) -> None:
    """List the subscriptions, with their lag and how many entries were given up."""
    found = await _call(ctx, "GET", PATH)
    if as_json:
        _print_json(found)
        return
    from umbral_chat_subscriptions.cli_view import overview

    _print(overview(found))


@command("show", "umbral-chat subscriptions show tickets")
@name_argument
@json_option
@service_options
@click.pass_context
@run_async
async def show_command(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show a subscription: what it is about, its lag and its last error."""
    _show(await _call(ctx, "GET", _path(name)), as_json=as_json)


@command(
    "create",
    "umbral-chat subscriptions create tickets --push https://example.com/hook --role user --kind message",
    "umbral-chat subscriptions create archive --start beginning",
    "umbral-chat subscriptions create unseen --unread-after 600 --push https://example.com/unseen",
)
@name_argument
@click.option("--push", "push_url", metavar="URL", help="Send events there. Without, workers claim them.")
@click.option(
    "--unread-after",
    type=click.FloatRange(60, 2_592_000),
    metavar="SECONDS",
    help="In place of entries: each reader who has not read an answer that is this old.",
)
@click.option("--prefix", help="Only conversations whose id begins with this.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only entries of this kind; repeatable.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Only entries by this role; repeatable.")
@click.option(
    "--metadata",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only conversations whose metadata has this; VALUE is JSON, or text; repeatable.",
)
@click.option("--start", type=click.Choice(("now", "beginning")), default="now", help="Where it begins.")
@click.option("--imported", is_flag=True, help="Imported entries, too.")
@json_option
@service_options
@click.pass_context
@run_async
async def create_command(
    ctx: click.Context,
    name: str,
    push_url: str | None,
    unread_after: float | None,
    prefix: str | None,
    kinds: tuple[str, ...],
    roles: tuple[str, ...],
    metadata: tuple[str, ...],
    start: str,
    imported: bool,
    as_json: bool,
) -> None:
    """Make a subscription. With --push its secret is printed, this once: the receiver needs it to verify signatures."""
    chosen = {
        "prefix": prefix,
        "kinds": list(kinds) or None,
        "roles": list(roles) or None,
        "metadata": dict(map(_pair, metadata)) or None,
    }
    body = {
        "name": name,
        "filter": {key: value for key, value in chosen.items() if value is not None},
        "start": start,
        "imported": imported,
        **({} if unread_after is None else {"kind": "unread", "after": unread_after}),
        **({} if push_url is None else {"push": {"url": push_url}}),
    }
    _show(await _call(ctx, "POST", PATH, body), as_json=as_json)


@command("pause", "umbral-chat subscriptions pause tickets")
@name_argument
@json_option
@service_options
@click.pass_context
@run_async
async def pause_command(ctx: click.Context, name: str, as_json: bool) -> None:
    """Pause a subscription: it keeps its place."""
    _show(await _call(ctx, "PATCH", _path(name), {"paused": True}), as_json=as_json)


@command("resume", "umbral-chat subscriptions resume tickets")
@name_argument
@json_option
@service_options
@click.pass_context
@run_async
async def resume_command(ctx: click.Context, name: str, as_json: bool) -> None:
    """Have a paused subscription go on where it stopped."""
    _show(await _call(ctx, "PATCH", _path(name), {"paused": False}), as_json=as_json)


@command("delete", "umbral-chat subscriptions delete tickets")
@name_argument
@service_options
@click.pass_context
@run_async
async def delete_command(ctx: click.Context, name: str) -> None:
    """Delete a subscription, with its place and the list of what was given up."""
    from umbral_chat.commands import one_line, say

    await _call(ctx, "DELETE", _path(name))
    say(f"Deleted {one_line(name, 64)}.")


for each in (list_command, show_command, create_command, pause_command, resume_command, delete_command):
    subscriptions.add_command(each)


async def _call(ctx: click.Context, method: str, path: str, body: Any = None) -> Any:
    from umbral_chat.commands import Client, Problem

    service = current_service(ctx)
    async with Client(service) as client:
        try:
            return await client.call(method, path, body=body)
        except Problem as error:
            if error.code != "route_not_found":
                raise
            raise Problem(
                error.status,
                "No subscriptions on this service",
                f"The service at {service.url} has no subscriptions. Where it runs: "
                "pip install 'umbral-chat[subscriptions]', then restart it.",
                error.code,
            ) from error


def _path(name: str) -> str:
    return f"{PATH}/{quote(name, safe='')}"


def _pair(text: str) -> tuple[str, Any]:
    import msgspec

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--metadata")
    try:
        return key, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return key, value


def _show(found: Any, *, as_json: bool) -> None:
    if as_json:
        _print_json(found)
        return
    from umbral_chat_subscriptions.cli_view import details

    _print(details(found))


def _print_json(found: Any) -> None:
    from umbral_chat.commands import print_json

    print_json(found)


def _print(lines: Iterable[Any]) -> None:
    from umbral_chat.commands import say

    for line in lines:
        say(line, indent=4)


__all__ = ["subscriptions"]
