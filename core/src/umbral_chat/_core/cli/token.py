"""`token`: issues a conversation token for a visitor."""

from __future__ import annotations

import re
from typing import Any

import rich_click as click

from umbral_chat._core.cli.command import command, conversation_argument, json_option, run_async
from umbral_chat._core.cli.send import ROLES
from umbral_chat._core.cli.service import current_service, service_options

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType):  # type: ignore[type-arg]  # no generic before click 8.5
    """Seconds, or a number with a unit: 90, 30m, 12h, 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if found := re.fullmatch(r"(\d{1,9})([smhd]?)", str(value), re.ASCII):
            return int(found[1]) * UNITS[found[2]]
        return self.fail(f"{value!r} is not a duration: give seconds, or 30m, 12h, 7d.", param, ctx)


@command(
    "token",
    "umbral-chat token demo --subject visitor-1 --ttl 12h",
    "umbral-chat token demo --subject kiosk --rights read --ttl 7d --json",
)
@conversation_argument
@click.option("--subject", required=True, metavar="ID", help="The visitor's id: the scope of what they send.")
@click.option("--name", help="Their name, as readers see it.")
@click.option("--role", type=click.Choice(ROLES), help="The role that they write with. Default: the service's own.")
@click.option("--rights", default="read,send", metavar="LIST", help="What it allows: read, send, or both with a comma.")
@click.option(
    "--ttl", type=Duration(), default="1h", metavar="TIME", help="How long it is valid: seconds, 30m, 12h, 7d."
)
@json_option
@service_options
@click.pass_context
@run_async
async def token_command(ctx: click.Context, /, as_json: bool, rights: str, **fields: Any) -> None:
    """Issue a token that lets a visitor into one conversation.

    Only the token is on standard output, so that `$(umbral-chat token …)` works; its expiry is printed on stderr.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.output import echo, moment, notice, print_json
    from umbral_chat._core.cli.shapes import TokenShape

    body = {name: value for name, value in fields.items() if value is not None}
    body["rights"] = [right.strip() for right in rights.split(",") if right.strip()]
    async with Client(current_service(ctx)) as client:
        answer = await client.call("POST", "/v1/tokens", body=body, shape=TokenShape)
    if as_json:
        print_json(answer)
        return
    echo(answer["token"])
    notice(f"It is valid until {moment(answer['expires_at'])}.")


__all__ = ["Duration", "token_command"]
