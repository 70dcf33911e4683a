"""The command group: commands are imported when they are asked for, plugins' only when no own one fits."""

from __future__ import annotations

import difflib
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import rich_click as click
from click.exceptions import Exit

from umbral_chat._core.cli.failures import ExitCode, exit_code, show
from umbral_chat._core.cli.files import FULL, OutputFailed
from umbral_chat._core.cli.service import DEFAULT_URL, Service, check_key, check_url
from umbral_chat._core.settings.packages import package_missing_for

ONLINE = {
    "send": "umbral_chat._core.cli.send:send_command",
    "tail": "umbral_chat._core.cli.tail:tail_command",
    "conversations": "umbral_chat._core.cli.inbox:conversations_command",
    "transcript": "umbral_chat._core.cli.transcript:transcript_command",
    "import": "umbral_chat._core.cli.importing:import_command",
    "export": "umbral_chat._core.cli.exporting:export_command",
    "token": "umbral_chat._core.cli.token:token_command",
    "status": "umbral_chat._core.cli.status:status_command",
    "realtime": "umbral_chat._core.cli.realtime:realtime_command",
    "delete": "umbral_chat._core.cli.inbox:delete_command",
}
"""Commands that talk to a running service over HTTP."""

LOCAL = {
    "serve": "umbral_chat._core.cli.serve:serve_command",
    "doctor": "umbral_chat._core.cli.doctor:doctor_command",
    "config": "umbral_chat._core.cli.config:config_command",
    "plugins": "umbral_chat._core.cli.plugins:plugins_command",
    "new-epoch": "umbral_chat._core.cli.store:new_epoch_command",
    "backup": "umbral_chat._core.cli.store:backup_command",
    "version": "umbral_chat._core.cli.version:version_command",
}
"""Commands that work on this machine's settings, plugins and database."""

COMMANDS = ONLINE | LOCAL


class LazyGroup(click.RichGroup):
    """Finds commands by name without importing the others, and turns expected errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click names it
        return [*COMMANDS, *sorted(self.commands), *(plugin_commands().keys() - COMMANDS.keys())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if target := COMMANDS.get(cmd_name):
            return load(target)
        return super().get_command(ctx, cmd_name) or plugin_commands().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            if package := package_missing_for(name):
                raise click.UsageError(
                    f"The command {name!r} comes with {package.name}, which is not installed: {package.install}",
                    ctx=ctx,
                )
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            # What is still held back is written now, where it can be told that it cannot be.
            sys.stdout.flush()
            return result
        except (KeyboardInterrupt, click.Abort):
            raise Exit(ExitCode.INTERRUPTED) from None
        except OSError as error:
            end_without_room(error)
        except Exception as error:
            if (code := exit_code(error)) is None:
                raise
            show(error)
            raise Exit(code) from None


def end_without_room(error: OSError) -> NoReturn:
    """End with a line that says so, where it is the output that cannot be written; else raise `error`."""
    if error.errno not in FULL:
        raise error
    with suppress(OSError, ValueError):
        # What stdout holds back would be tried once more when the interpreter ends, which would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    show(OutputFailed("The output", error))
    sys.exit(ExitCode.FAILED)


def load(target: str) -> click.Command:
    """The command object that `module:attribute` names."""
    module, _, attribute = target.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    return command


def plugin_commands() -> dict[str, click.Command]:
    """The commands that installed plugins bring; none while the settings cannot be read."""
    from umbral_chat._core.cli.local import plugin_commands as find

    return find()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.command_panel("Talk to a running service", commands=list(ONLINE))
@click.command_panel("On this machine", commands=list(LOCAL))
@click.option(
    "--url",
    envvar="UMBRAL_CHAT_URL",
    show_envvar=True,
    default=DEFAULT_URL,
    show_default=True,
    callback=check_url,
    help="Where the service answers.",
)
@click.option(
    "--key",
    envvar="UMBRAL_CHAT_KEY",
    show_envvar=True,
    callback=check_key,
    help="Service key or conversation token. Prefer the variable: other users of the machine can see arguments.",
)
@click.pass_context
def cli(ctx: click.Context, url: str, key: str | None) -> None:
    """Umbral Chat keeps conversations as ordered durable logs and delivers them live.

    `umbral-chat serve` starts the service; the commands of the first group talk to it.
    """
    ctx.obj = Service(url, key)


__all__ = ["COMMANDS", "LOCAL", "ONLINE", "LazyGroup", "cli", "end_without_room", "load"]
