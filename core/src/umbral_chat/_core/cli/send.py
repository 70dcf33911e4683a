"""`send`: sends a message, which is stored once, however often the network fails."""

from __future__ import annotations

import sys
from typing import Any

import rich_click as click

from umbral_chat._core.cli.command import command, conversation_argument, json_option, run_async
from umbral_chat._core.cli.service import current_service, service_options

ROLES = ("user", "assistant", "agent", "system")


@command(
    "send",
    'umbral-chat send demo "Is anybody there?"',
    "echo Yes | umbral-chat send demo --role assistant --name Bot",
)
@conversation_argument
@click.argument("text", required=False)
@click.option("--role", type=click.Choice(ROLES), help="Who speaks; without it the service decides by the key.")
@click.option("--name", help="The sender's name, as readers see it.")
@click.option("--sender-id", metavar="ID", help="The sender's id.")
@click.option("--client-id", metavar="ID", help="Idempotency key: the same one is stored once. Drawn without it.")
@click.option("--reply-to", metavar="MESSAGE_ID", help="Id of the message that this one answers.")
@click.option("--metadata", metavar="JSON", help="A JSON object that is kept with the message.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=10.0,
    metavar="SECONDS",
    help="How long to retry while the service does not answer; 0: one attempt.",
)
@json_option
@service_options
@click.pass_context
@run_async
async def send_command(
    ctx: click.Context, /, conversation: str, text: str | None, patience: float, as_json: bool, **options: str | None
) -> None:
    """Send a message: TEXT, or standard input if TEXT is `-` or left out.

    It is stored once: an attempt whose answer was lost is repeated with the same idempotency key.
    """
    from umbral_chat._core.cli.client import Client, conversation_path
    from umbral_chat._core.cli.output import notice, one_line, print_json, say
    from umbral_chat._core.cli.retry import with_retries
    from umbral_chat._core.cli.shapes import SendResultShape

    body = message_body(text if text not in {None, "-"} else _standard_input(), **options)
    async with Client(current_service(ctx)) as client:
        answer = await with_retries(
            lambda: client.call("POST", conversation_path(conversation, "messages"), body=body, shape=SendResultShape),
            patience=patience,
            notice=lambda error: notice(f"{error} Trying again for {patience:g} s."),
        )
    if as_json:
        print_json(answer)
        return
    entry = answer["entry"]
    outcome = "stored as" if answer["created"] else "was stored before as"
    say(f"✓ {outcome} entry {entry['seq']} of {conversation}, message {one_line(entry['message_id'], 128)}")


def message_body(
    content: str | None,
    *,
    role: str | None = None,
    name: str | None = None,
    sender_id: str | None = None,
    client_id: str | None = None,
    reply_to: str | None = None,
    metadata: str | None = None,
) -> dict[str, Any]:
    """The body of a send. Raises UsageError for what is invalid whatever the service."""
    import uuid

    if not content:
        raise click.UsageError("The message is empty: give TEXT, or write it to standard input.")
    if not _encodable(content):
        raise click.UsageError("The message is not valid UTF-8.")
    body: dict[str, Any] = {"content": content, "client_id": client_id or uuid.uuid4().hex}
    if role or name or sender_id:
        sender = {"role": role or "user", "id": sender_id, "name": name}
        body["sender"] = {key: value for key, value in sender.items() if value is not None}
    if reply_to:
        body["reply_to"] = reply_to
    if metadata is not None:
        body["metadata"] = _json_object(metadata)
    return body


def _json_object(text: str) -> dict[str, Any]:
    import msgspec

    from umbral_chat.model.depth import DEEPEST, is_deeper

    if is_deeper(text, DEEPEST):
        raise click.BadParameter(f"nested deeper than {DEEPEST} levels", param_hint="--metadata")
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise click.BadParameter(f"not a JSON object: {error}", param_hint="--metadata") from None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of the command line that are no UTF-8 are decoded as lone surrogates
        return False
    return True


def _standard_input() -> str:
    if sys.stdin.isatty():
        click.echo("Type the message and end it with Ctrl-D.", err=True)
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"Standard input is not valid UTF-8: {error.reason} at byte {error.start}.") from None
    # `echo` appends a line break, which is no part of the message.
    return text.removesuffix("\n").removesuffix("\r")


__all__ = ["ROLES", "message_body", "send_command"]
