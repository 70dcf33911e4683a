"""`config`: the settings in force, and where each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat._core.cli.command import command, json_option
from umbral_chat._core.cli.local import config_option

if TYPE_CHECKING:
    from umbral_chat._core.settings.effective import Settings


@command("config", "umbral-chat config", "umbral-chat config --config /etc/umbral-chat.toml --json")
@config_option
@json_option
def config_command(config: str | None, as_json: bool) -> None:
    """Print every setting in force and whether a default, the file or a variable says so.

    Secrets are shown as ********. Settings that a service could not start with are told and make the exit code 2.
    """
    from umbral_chat._core.plugins import boot
    from umbral_chat._core.settings.checks import check_exposure

    settings, _ = boot(config)
    (_print_json if as_json else _print_table)(settings)
    # After the table: who mends the address or the keys wants to see them.
    check_exposure(settings.core)


def _print_json(settings: Settings) -> None:
    from umbral_chat._core.cli.output import print_json

    found = {
        one.key: {"value": one.value, "origin": one.origin.kind, "where": one.origin.where}
        for one in settings.effective()
    }
    print_json({"file": None if settings.file is None else str(settings.file), "settings": found})


def _print_table(settings: Settings) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from umbral_chat._core.cli.output import as_json, clean, stdout

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("Setting", "Value", "From"):
        table.add_column(heading, overflow="fold")
    for one in settings.effective():
        given = one.origin.kind != "default"
        value = "unset" if one.value is None else one.value if isinstance(one.value, str) else as_json(one.value)
        table.add_row(
            Text(one.key, "bold" if given else ""),
            Text(clean(value), "dim" if one.value is None else ""),
            Text(clean(str(one.origin)), "cyan" if given else "dim"),
        )
    stdout().print(table)


__all__ = ["config_command"]
