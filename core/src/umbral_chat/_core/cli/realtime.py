"""`realtime`: the toggle of a running service, and of every other instance on its store."""

from __future__ import annotations

import rich_click as click

from umbral_chat._core.cli.command import command, json_option, run_async
from umbral_chat._core.cli.service import current_service, service_options

PATH = "/v1/admin/realtime"


@command(
    "realtime",
    "umbral-chat realtime off",
    "umbral-chat realtime on",
    "umbral-chat realtime status --json",
)
@click.argument("action", type=click.Choice(("status", "on", "off")), default="status")
@json_option
@service_options
@click.pass_context
@run_async
async def realtime_command(ctx: click.Context, action: str, as_json: bool) -> None:
    """Switch realtime on or off for every instance, or show whether it is on, who switched it and when.

    Every instance obeys within two seconds, without a restart, and it survives one. Off, readers go on by polling and
    miss nothing. `umbral-chat status --watch` shows it happen.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.output import print_json, say
    from umbral_chat._core.cli.shapes import ToggleShape
    from umbral_chat._core.cli.summary import toggle_words

    async with Client(current_service(ctx)) as client:
        if action == "status":
            toggle = await client.call("GET", PATH, shape=ToggleShape)
        else:
            toggle = await client.call("PUT", PATH, body={"enabled": action == "on"}, shape=ToggleShape)
    if as_json:
        print_json(toggle)
        return
    mark = "" if action == "status" else "✓ "
    say(f"{mark}Realtime is {toggle_words(toggle)}.")


__all__ = ["realtime_command"]
