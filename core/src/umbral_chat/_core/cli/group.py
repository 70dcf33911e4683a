"""The command group. A command is imported when it is invoked; plugins are loaded if the core has none of the name."""

from __future__ import annotations

import difflib
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import rich_click as click
from click.exceptions import Exit

from umbral_chat._core.cli.failures import ExitCode, exit_code, print_error
from umbral_chat._core.cli.files import WRITE_FAILURES, OutputFailed
from umbral_chat._core.cli.service import DEFAULT_URL, Service, check_key, check_url
from umbral_chat._core.settings.packages import package_missing_for

ONLINE = {
    "send": "umbral_chat._core.cli.send:send_command",
    "tail": "umbral_chat._core.cli.tail:tail_command",
    "conversations": "umbral_chat._core.cli.conversations:conversations_command",
    "transcript": "umbral_chat._core.cli.transcript:transcript_command",
    "import": "umbral_chat._core.cli.importing:import_command",
    "export": "umbral_chat._core.cli.exporting:export_command",
    "token": "umbral_chat._core.cli.token:token_command",
    "status": "umbral_chat._core.cli.status:status_command",
    "realtime": "umbral_chat._core.cli.status:realtime_command",
    "delete": "umbral_chat._core.cli.conversations:delete_command",
}
"""Commands that talk to a running service over HTTP."""

LOCAL = {
    "serve": "umbral_chat._core.cli.serve:serve_command",
    "doctor": "umbral_chat._core.cli.doctor:doctor_command",
    "config": "umbral_chat._core.cli.installation:config_command",
    "plugins": "umbral_chat._core.cli.installation:plugins_command",
    "consumers": "umbral_chat._core.cli.consumers:consumers_command",
    "new-epoch": "umbral_chat._core.cli.store:new_epoch_command",
    "backup": "umbral_chat._core.cli.store:backup_command",
    "version": "umbral_chat._core.cli.installation:version_command",
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
            # Buffered output is written now, while a failure to write it can still be reported.
            sys.stdout.flush()
            return result
        except (KeyboardInterrupt, click.Abort):
            raise Exit(ExitCode.INTERRUPTED) from None
        except OSError as error:
            exit_output_failed(error)
        except Exception as error:
            if (code := exit_code(error)) is None:
                raise
            print_error(error)
            raise Exit(code) from None


def exit_output_failed(error: OSError) -> NoReturn:
    """Print that the output cannot be written and exit, where that is what `error` means; else raise `error`."""
    if error.errno not in WRITE_FAILURES:
        raise error
    with suppress(OSError, ValueError):
        # At its end the interpreter would flush stdout once more, and fail with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print_error(OutputFailed("The output", error))
    sys.exit(ExitCode.FAILED)


def load(target: str) -> click.Command:
    """The command object that `module:attribute` names."""
    module, _, attribute = target.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    return command


def plugin_commands() -> dict[str, click.Command]:
    """The commands of the installed plugins; none if they cannot be loaded."""
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
    help="URL of the service.",
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


__all__ = ["COMMANDS", "LOCAL", "ONLINE", "LazyGroup", "cli", "exit_output_failed", "load"]
