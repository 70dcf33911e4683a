"""`plugins`: what is installed, what is active, what each provides, and why another is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from umbral_chat._core.cli.command import command, json_option
from umbral_chat._core.cli.failures import ExitCode
from umbral_chat._core.cli.local import config_option
from umbral_chat.errors import PluginError

if TYPE_CHECKING:
    from umbral_chat._core.plugins import PluginHost, PluginStatus

STYLES = {"active": "green", "disabled": "dim", "broken": "bold red", "incompatible": "bold red"}


@command("plugins", "umbral-chat plugins", "umbral-chat plugins --json")
@config_option
@json_option
@click.pass_context
def plugins_command(ctx: click.Context, config: str | None, as_json: bool) -> None:
    """Show every installed plugin, whether it is active, what it provides, and what mends one that is not.

    Of the settings only core.disabled_plugins is read. A plugin that is broken, or made for another core, makes the
    exit code 1.
    """
    from umbral_chat._core.plugins.boot import load_plugins

    host = load_plugins(config)
    conflicts = _conflicts(host)
    statuses = host.statuses
    if as_json:
        from umbral_chat._core.cli.output import print_json

        print_json({"plugins": statuses, "conflicts": conflicts})
    else:
        _print(statuses, conflicts)
    if conflicts or not all(status.well for status in statuses):
        ctx.exit(ExitCode.FAILED)


def _conflicts(host: PluginHost) -> list[str]:
    """What plugins claim from each other, of the hooks that can be called without a service; a hook that fails here
    stands in its plugin's status."""
    from umbral_chat._core.cli.group import COMMANDS

    found = []
    for call in (host.sections, lambda: host.commands(taken=COMMANDS)):
        known = [status.faults for status in host.statuses]
        try:
            call()
        except PluginError as error:
            if known == [status.faults for status in host.statuses]:
                found.append(str(error))
    return found


def _print(statuses: list[PluginStatus], conflicts: list[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from umbral_chat._core.cli.output import clean, say, stderr, stdout

    if not statuses:
        stdout().print("No plugin is installed. The usual ones: pip install umbral-chat", soft_wrap=True)
    else:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for heading in ("Plugin", "Package", "State", "Provides"):
            table.add_column(heading, overflow="fold")
        for status in statuses:
            package = f"{status.distribution} {status.version}" if status.distribution else ""
            state = "faulty" if status.state == "active" and status.faults else status.state
            row = (status.name, package, Text(state, STYLES.get(state, "bold red")), ", ".join(status.provides))
            table.add_row(*(one if isinstance(one, Text) else Text(clean(one)) for one in row))
        stdout().print(table)
    for status in statuses:
        for reason in (*((status.reason,) if status.reason else ()), *status.faults):
            say(clean(f"{status.name}: {reason}"))
        if status.mend:
            say(clean(f"  → {status.mend}"), indent=4)
    for conflict in conflicts:
        say(clean(f"✗ {conflict}"), console=stderr(), style="bold red")


__all__ = ["plugins_command"]
