"""`transcript`: a whole conversation as the service renders it, for a prompt, a ticket or an archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from umbral_chat._core.cli.command import command, conversation_argument, run_async
from umbral_chat._core.cli.service import current_service, service_options

if TYPE_CHECKING:
    import httpx

FORMATS = ("json", "markdown", "text", "openai")


@command("transcript", "umbral-chat transcript demo", "umbral-chat transcript demo --format openai -o prompt.json")
@conversation_argument
@click.option("--format", "form", type=click.Choice(FORMATS), default="markdown", help="Format of the transcript.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write. Default: standard output.",
)
@service_options
@click.pass_context
@run_async
async def transcript_command(ctx: click.Context, conversation: str, form: str, output: Path | None) -> None:
    """Print the transcript of a conversation, or write it to a file."""
    from umbral_chat._core.cli.client import Client, conversation_path
    from umbral_chat._core.cli.files import replaced
    from umbral_chat._core.cli.output import clean, say

    async with Client(current_service(ctx)) as client:
        # A long conversation takes the service a while to write.
        answer = await client.fetch(
            "GET", conversation_path(conversation, "transcript"), params={"format": form}, within=120
        )
    _check(answer, form)
    if output is not None:
        with replaced(output) as file:
            file.write(answer.content)
    elif sys.stdout.isatty():
        for line in clean(answer.text).split("\n"):
            say(line, indent=len(line) - len(line.lstrip(" ")) + 4)
    else:
        sys.stdout.buffer.write(answer.content)
        sys.stdout.buffer.flush()


def _check(answer: httpx.Response, form: str) -> None:
    """Raises AnotherService if the answer is not a transcript in this format."""
    from umbral_chat._core.cli.client import decode_answer
    from umbral_chat._core.cli.failures import AnotherService
    from umbral_chat._core.cli.shapes import PromptTurn, TranscriptShape

    if form in {"json", "openai"}:
        decode_answer(answer, TranscriptShape if form == "json" else list[PromptTurn])
        return
    kind = answer.headers.get("content-type", "an answer without a type")
    if kind.partition(";")[0].strip() != {"markdown": "text/markdown", "text": "text/plain"}[form]:
        where = str(answer.request.url.copy_with(query=None))
        raise AnotherService(answer.status_code, where, f"Instead of a transcript it answered with {kind}.")


__all__ = ["transcript_command"]
