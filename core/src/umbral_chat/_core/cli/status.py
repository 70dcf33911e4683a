"""`status` and `realtime`: the status of a running service, once or continuously, and its realtime toggle."""

from __future__ import annotations

import rich_click as click

from umbral_chat._core.cli.command import command, json_option, run_async
from umbral_chat._core.cli.service import current_service, service_options

TOGGLE_PATH = "/v1/admin/realtime"


@command("status", "umbral-chat status", "umbral-chat status --watch", "umbral-chat status --watch --json")
@click.option("-w", "--watch", "watching", is_flag=True, help="Keep running and show what changes, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1, max=60),
    default=1.0,
    metavar="SECONDS",
    help="Seconds between two requests with --watch.",
)
@json_option
@service_options
@click.pass_context
@run_async
async def status_command(ctx: click.Context, watching: bool, interval: float, as_json: bool) -> None:
    """Show version, mode, transports, plugins and counters of a running service.

    With --watch only what changes by itself is shown: the mode, the realtime toggle, the history, and each transport
    with its state, since when, why, and its next attempt. If the service stops answering, it is asked again until it
    is back. With --json too, each change is a line: a status, or since when there is no answer.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.json_view import render_json
    from umbral_chat._core.cli.output import print_json, say, stdout
    from umbral_chat._core.cli.shapes import StatusShape
    from umbral_chat._core.cli.summary import with_readable_countdowns
    from umbral_chat._core.cli.watch import Lines, Screen, watch

    service = current_service(ctx)
    async with Client(service) as client:
        if watching and as_json:
            await watch(client, Lines(), interval=interval, shape=StatusShape)
        if watching:
            screen = Screen(stdout(), service.url)
            with screen.opened():
                await watch(client, screen, interval=interval, shape=StatusShape)
        status = await client.call("GET", "/v1/status", shape=StatusShape)
    if as_json:
        print_json(status)
        return
    say(f"Umbral Chat at {service.url}", style="bold")
    for line in render_json(with_readable_countdowns(status)):
        say(line, indent=4)


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

    Every instance applies it within two seconds, without a restart; a restart keeps it. While it is off, readers
    continue by polling and miss nothing. `umbral-chat status --watch` shows the change.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.output import print_json, say
    from umbral_chat._core.cli.shapes import ToggleShape
    from umbral_chat._core.cli.summary import toggle_words

    async with Client(current_service(ctx)) as client:
        if action == "status":
            toggle = await client.call("GET", TOGGLE_PATH, shape=ToggleShape)
        else:
            toggle = await client.call("PUT", TOGGLE_PATH, body={"enabled": action == "on"}, shape=ToggleShape)
    if as_json:
        print_json(toggle)
        return
    mark = "" if action == "status" else "✓ "
    say(f"{mark}Realtime is {toggle_words(toggle)}.")


__all__ = ["realtime_command", "status_command"]
