"""`serve`: runs the service."""

from __future__ import annotations

import rich_click as click

from umbral_chat._core.cli.command import command
from umbral_chat._core.cli.local import config_option, database_option


@command("serve", "umbral-chat serve", "umbral-chat serve --port 9000 --database /var/lib/umbral-chat/chat.sqlite3")
@click.option("--host", metavar="ADDRESS", help="Address to listen on (core.host).")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", help="Port to listen on (core.port); 0 takes a free one."
)
@database_option
@config_option
@click.pass_context
def serve_command(
    ctx: click.Context, host: str | None, port: int | None, database: str | None, config: str | None
) -> None:
    """Run the service until it is stopped (Ctrl-C or SIGTERM).

    Without any setting it listens on 127.0.0.1:8750, stores in ./umbral-chat.sqlite3, and serves callers on this
    machine only. Options override the environment, which overrides the file; `umbral-chat config` shows what is in
    force.
    """
    from umbral_chat._core.plugins import boot

    options = {"core.host": host, "core.port": port, "core.database": database}
    settings, plugins = boot(config, options=options)
    from umbral_chat._core.server.serve import serve

    ctx.exit(serve(settings, plugins))


__all__ = ["serve_command"]
