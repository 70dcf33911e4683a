"""`status`: what a running service says of itself, once or for as long as one looks."""

from __future__ import annotations

import rich_click as click

from umbral_chat._core.cli.command import command, json_option, run_async
from umbral_chat._core.cli.service import current_service, service_options


@command("status", "umbral-chat status", "umbral-chat status --watch", "umbral-chat status --watch --json")
@click.option("-w", "--watch", "watching", is_flag=True, help="Stay and show what changes; Ctrl-C ends it.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1, max=60),
    default=1.0,
    metavar="SECONDS",
    help="Seconds between two looks with --watch.",
)
@json_option
@service_options
@click.pass_context
@run_async
async def status_command(ctx: click.Context, watching: bool, interval: float, as_json: bool) -> None:
    """Show version, mode, transports, plugins and counters of a running service.

    With --watch only what changes by itself is shown: the mode, the realtime toggle, the history, and each transport
    with its state, since when, why, and its next attempt. A service that goes away is asked again until it is back.
    With --json too, each change is a line: a status, or since when none comes.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.json_view import outline
    from umbral_chat._core.cli.output import print_json, say, stdout
    from umbral_chat._core.cli.shapes import StatusShape
    from umbral_chat._core.cli.summary import readable
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
    for line in outline(readable(status)):
        say(line, indent=4)


__all__ = ["status_command"]
