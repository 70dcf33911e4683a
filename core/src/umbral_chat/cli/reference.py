"""Writes `docs/reference/cli.md` from the commands themselves: `python -m umbral_chat.cli.reference > …/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator

import rich_click as click

from umbral_chat.cli.failures import MEANINGS
from umbral_chat.cli.group import LOCAL, ONLINE, cli, load

INTRODUCTION = """\
# The command line

<!-- Generated from the commands by `python -m umbral_chat.cli.reference`; a test holds it equal. -->

`umbral-chat COMMAND --help` says the same. Plugins may add commands; `umbral-chat --help` lists them all.
"""


def render() -> str:
    """The page: the program's own options, exit codes, and every command of the core."""
    context = click.RichContext(cli, info_name="umbral-chat")
    parts = [INTRODUCTION, *_options(cli, context), "\n## Exit codes\n\n| code | meaning |\n| --- | --- |"]
    parts += [f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()]
    for title, commands in (("Talk to a running service", ONLINE), ("On this machine", LOCAL)):
        parts.append(f"\n## {title}")
        for name, target in commands.items():
            parts += _command(load(target), click.RichContext(cli, info_name="umbral-chat"), name)
    return "\n".join(parts) + "\n"


def _command(command: click.Command, parent: click.RichContext, name: str) -> Iterator[str]:
    context = click.RichContext(command, info_name=name, parent=parent)
    yield f"\n### {name}\n"
    yield f"```\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```\n"
    yield "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n")) + "\n"
    yield from _options(command, context)
    if examples := getattr(command, "examples", ()):
        yield "\n```sh\n" + "\n".join(examples) + "\n```"


def _options(command: click.Command, context: click.RichContext) -> Iterator[str]:
    rows = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    if rows:
        yield "| option | |\n| --- | --- |"
        for names, text in rows:
            yield f"| `{_cell(names)}` | {_cell(text)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    click.echo(render(), nl=False)

__all__ = ["render"]
