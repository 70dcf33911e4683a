"""`status`: what a running service says of itself."""

from __future__ import annotations

import rich_click as click

from umbral_chat.cli.command import command, json_option, run_async
from umbral_chat.cli.service import current_service, service_options


@command("status", "umbral-chat status", "umbral-chat status --json")
@json_option
@service_options
@click.pass_context
@run_async
async def status_command(ctx: click.Context, as_json: bool) -> None:
    """Show version, mode, transports, plugins and counters of a running service."""
    from umbral_chat.cli.client import Client
    from umbral_chat.cli.outline import outline
    from umbral_chat.cli.output import print_json, stdout

    service = current_service(ctx)
    async with Client(service) as client:
        status = await client.call("GET", "/v1/status")
    if as_json:
        print_json(status)
        return
    console = stdout()
    console.print(f"Umbral Chat at {service.url}", style="bold")
    for line in outline(status):
        console.print(line, soft_wrap=True)


__all__ = ["status_command"]
