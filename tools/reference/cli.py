"""Generates `docs/reference/cli.md` from the commands: `python -m tools.reference.cli > docs/reference/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator

import rich_click as click
from umbral_chat._core.cli.failures import MEANINGS
from umbral_chat._core.cli.group import LOCAL, ONLINE, cli, load, plugin_commands
from umbral_chat._core.settings.packages import PACKAGES

INTRODUCTION = """\
# The command line

<!-- Made by `python -m tools.reference.cli > docs/reference/cli.md`; a test holds it equal. -->

`umbral-chat COMMAND --help` shows the same. Plugins may add commands; those of this project's plugins are at the end.
`umbral-chat --help` lists all that are installed.

These options come before the command. Commands that call a service also take `--url` and `--key` after their name,
which override these.
"""

COMMON = {"help", "url", "key"}
"""Options that the page lists once, for the whole program."""


def render() -> str:
    """The page: the program's own options, exit codes, and every command of the core and of this project's plugins."""
    program = _context(cli, "umbral-chat")
    parts = [INTRODUCTION, *_options(cli, program, set()), "\n## Exit codes\n\n| code | meaning |\n| --- | --- |"]
    parts += [f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()]
    for title, commands in (("Talk to a running service", ONLINE), ("On this machine", LOCAL)):
        parts.append(f"\n## {title}")
        for name, target in commands.items():
            parts += _command(load(target), name, program)
    from_plugins = plugin_commands()
    for section, package in PACKAGES.items():
        if command := from_plugins.get(package.command or section):
            parts.append(f"\n## With {package.name}\n\n`{package.install}`")
            parts += _command(command, str(command.name), program)
    return "\n".join(parts) + "\n"


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    return command.make_context(name, [], parent=parent, resilient_parsing=True)


def _command(command: click.Command, name: str, parent: click.Context, level: int = 3) -> Iterator[str]:
    context = _context(command, name, parent)
    yield f"\n{'#' * level} {name}\n"
    yield f"```\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```\n"
    yield "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    if options := list(_options(command, context, COMMON)):
        yield "\n" + "\n".join(options)
    if examples := getattr(command, "examples", ()):
        yield "\n```sh\n" + "\n".join(examples) + "\n```"
    if isinstance(command, click.Group):
        for part in command.list_commands(context):
            if found := command.get_command(context, part):
                yield from _command(found, part, context, level + 1)


def _options(command: click.Command, context: click.Context, omitted: set[str]) -> Iterator[str]:
    options = [one for one in command.get_params(context) if isinstance(one, click.Option) and one.name not in omitted]
    rows = [record for option in options if (record := option.get_help_record(context))]
    if rows:
        yield "| option | |\n| --- | --- |"
        for names, text in rows:
            yield f"| `{_cell(names)}` | {_cell(text)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    click.echo(render(), nl=False)

__all__ = ["render"]
