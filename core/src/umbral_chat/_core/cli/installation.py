"""`version`, `plugins` and `config`: what is installed on this machine and active, and the settings in force.

`version` starts quickly: nothing of the service is imported.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import rich_click as click

from umbral_chat import __version__
from umbral_chat._core.cli.command import command, json_option
from umbral_chat._core.cli.failures import ExitCode
from umbral_chat._core.cli.local import config_option
from umbral_chat.errors import PluginError
from umbral_chat.markers import PROJECT_NAME

if TYPE_CHECKING:
    from umbral_chat._core.plugins import PluginHost, PluginStatus
    from umbral_chat._core.settings.effective import Settings

STYLES = {"active": "green", "disabled": "dim", "broken": "bold red", "incompatible": "bold red"}
"""A plugin's state as a style of rich."""


@command("version", "umbral-chat version", "umbral-chat version --json")
@json_option
def version_command(as_json: bool) -> None:
    """Print the versions of the core, of the installed plugins and of Python."""
    from umbral_chat._core.cli.output import echo, print_json

    plugins = plugin_versions()
    if as_json:
        print_json({"umbral_chat": __version__, "plugins": plugins, "python": platform.python_version()})
        return
    echo(f"umbral-chat {__version__}")
    for name, version in plugins.items():
        echo(f"{name} {version}")
    echo(f"Python {platform.python_version()}")


def plugin_versions() -> dict[str, str]:
    """Distribution and version of every installed plugin, read from the entry points without importing any."""
    from importlib.metadata import entry_points

    found = {point.dist.name: point.dist.version for point in entry_points(group=PROJECT_NAME) if point.dist}
    return dict(sorted(found.items()))


@command("plugins", "umbral-chat plugins", "umbral-chat plugins --json")
@config_option
@json_option
@click.pass_context
def plugins_command(ctx: click.Context, config: str | None, as_json: bool) -> None:
    """Show every installed plugin: whether it is active, what it provides, and how to mend one that is not active.

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
        _print_plugins(statuses, conflicts)
    if conflicts or not all(status.well for status in statuses):
        ctx.exit(ExitCode.FAILED)


def _conflicts(host: PluginHost) -> list[str]:
    """Names that more than one plugin claims, as far as the hooks can be called without a service. A hook that fails
    here is reported in its plugin's status instead."""
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


def _print_plugins(statuses: list[PluginStatus], conflicts: list[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from umbral_chat._core.cli.output import clean, say, stderr, stdout

    if not statuses:
        stdout().print("No plugin is installed. For the usual ones: pip install umbral-chat", soft_wrap=True)
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


@command("config", "umbral-chat config", "umbral-chat config --config /etc/umbral-chat.toml --json")
@config_option
@json_option
def config_command(config: str | None, as_json: bool) -> None:
    """Print every setting in force and whether it comes from a default, the file or a variable.

    Secrets are shown as ********. Settings that a service could not start with are reported and make the exit code 2.
    """
    from umbral_chat._core.plugins import boot
    from umbral_chat._core.settings.checks import check_exposure

    settings, _ = boot(config)
    (_print_settings_json if as_json else _print_settings)(settings)
    # After the table: to correct the address or the keys one needs to see them.
    check_exposure(settings.core)


def _print_settings_json(settings: Settings) -> None:
    from umbral_chat._core.cli.output import print_json

    found = {
        one.key: {"value": one.value, "origin": one.origin.kind, "where": one.origin.where}
        for one in settings.effective()
    }
    print_json({"file": None if settings.file is None else str(settings.file), "settings": found})


def _print_settings(settings: Settings) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from umbral_chat._core.cli.output import clean, stdout, to_json

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("Setting", "Value", "From"):
        table.add_column(heading, overflow="fold")
    for one in settings.effective():
        given = one.origin.kind != "default"
        value = "unset" if one.value is None else one.value if isinstance(one.value, str) else to_json(one.value)
        table.add_row(
            Text(one.key, "bold" if given else ""),
            Text(clean(value), "dim" if one.value is None else ""),
            Text(clean(str(one.origin)), "cyan" if given else "dim"),
        )
    stdout().print(table)


__all__ = ["config_command", "plugin_versions", "plugins_command", "version_command"]
