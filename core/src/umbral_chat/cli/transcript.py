"""`transcript`: a whole conversation as the service writes it, for a prompt, a ticket or an archive."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from umbral_chat.cli.command import command, conversation_argument, run_async
from umbral_chat.cli.service import current_service, service_options

FORMATS = ("json", "markdown", "text", "openai")


@command("transcript", "umbral-chat transcript demo", "umbral-chat transcript demo --format openai -o prompt.json")
@conversation_argument
@click.option("--format", "form", type=click.Choice(FORMATS), default="markdown", help="How it is written.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write it to; standard output without.",
)
@service_options
@click.pass_context
@run_async
async def transcript_command(ctx: click.Context, conversation: str, form: str, output: Path | None) -> None:
    """Print the transcript of a conversation, or write it to a file."""
    from umbral_chat.cli.client import Client, conversation_path
    from umbral_chat.cli.files import replaced
    from umbral_chat.cli.output import clean, say

    async with Client(current_service(ctx)) as client:
        # A long conversation takes the service a while to write.
        answer = await client.fetch(
            "GET", conversation_path(conversation, "transcript"), params={"format": form}, within=120
        )
    if output is not None:
        with replaced(output) as file:
            file.write(answer.content)
    elif sys.stdout.isatty():
        for line in clean(answer.text).split("\n"):
            say(line, indent=len(line) - len(line.lstrip(" ")) + 4)
    else:
        sys.stdout.buffer.write(answer.content)
        sys.stdout.buffer.flush()


__all__ = ["transcript_command"]
