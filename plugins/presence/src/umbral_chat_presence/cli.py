"""`umbral-chat who`: who is in a conversation of a running service."""

from __future__ import annotations

from typing import NoReturn

import rich_click as click
from umbral_chat.commands import (
    Problem,
    command,
    conversation_argument,
    current_service,
    json_option,
    run_async,
    service_options,
)


@command(
    "who", "umbral-chat who demo", "umbral-chat who demo --watch", "umbral-chat who demo --json | jq .counts.agent"
)
@conversation_argument
@click.option("-w", "--watch", "watching", is_flag=True, help="Stay and show what changes; Ctrl-C ends it.")
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
async def who_command(ctx: click.Context, conversation: str, watching: bool, interval: float, as_json: bool) -> None:
    """Show who is in a conversation and who types there.

    A service key sees ids, devices and what these report; with the right last_seen also who was here recently.
    With --watch, an unreachable service is asked again until it answers; with --json as well, each change is one line.
    """
    from umbral_chat.commands import Client, Lines, Screen, conversation_path, print_json, say, stdout, watch

    from umbral_chat_presence.cli_view import Here, lines

    service = current_service(ctx)
    path = conversation_path(conversation, "presence")
    async with Client(service) as client:
        try:
            if watching and as_json:
                await watch(client, Lines(_whole), interval=interval, path=path, shape=Here)
            if watching:
                screen = Screen(stdout(), service.url, summary=lines, essence=_whole)
                with screen.opened():
                    await watch(client, screen, interval=interval, path=path, shape=Here)
            found = await client.call("GET", path, shape=Here)
        except Problem as error:
            _raise_explained(error, service.url)
    if as_json:
        print_json(found)
        return
    for line in lines(found):
        say(line, indent=4)


def _whole(answer: object) -> object:
    return answer


def _raise_explained(error: Problem, url: str) -> NoReturn:
    if error.code != "route_not_found":
        raise error
    raise Problem(
        error.status,
        "No presence on this service",
        f"The service at {url} has no presence provider. Where it runs: pip install 'umbral-chat[presence]', then "
        "restart it.",
        error.code,
    ) from error


__all__ = ["who_command"]
