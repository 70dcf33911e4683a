"""Editing and redacting one message, and importing an entry of another log."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, patch, post
from litestar.params import FromPath, HeaderParameter, JSONBody

from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat._core.http.messages import PATH, sent_json
from umbral_chat._core.http.views import SentView
from umbral_chat.http_kit import asgi
from umbral_chat.model.requests import EditBody, ImportBody

ONE = PATH + "/{message_id:str}"

IdempotencyKey = Annotated[
    str | None, HeaderParameter(name="Idempotency-Key", description="A repeat is answered with the first.")
]


def key_text(header: str | None) -> str | None:
    """The key as `asgi.header` would read it: Litestar reads headers as Latin-1, and clients send UTF-8. Raises
    InvalidRequest (`invalid_encoding`)."""
    return None if header is None else asgi.header_text(b"idempotency-key", header.encode("latin-1"))


@patch(
    ONE,
    operation_id="edit",
    summary="Edit a message",
    tags=["messages"],
    opt={"right": "send", "problems": (404, 409)},
)
async def edit(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    message_id: FromPath[str],
    data: JSONBody[EditBody],
    idempotency_key: IdempotencyKey = None,
) -> Response[SentView]:
    """Replace a message's content: one's own, or anybody's with the right `moderate`."""
    sent = await services.chat.edit(principal, conversation, message_id, data, key_text(idempotency_key))
    return Response(sent_json(sent), media_type="application/json")  # type: ignore[arg-type]  # encoded already


@delete(
    ONE,
    operation_id="redact",
    summary="Redact a message",
    tags=["messages"],
    status_code=200,
    opt={"right": "send", "problems": (404, 409)},
)
async def redact(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    message_id: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[SentView]:
    """Blank a message and its edits: one's own, or anybody's with the right `moderate`.

    The store no longer holds the text. Copies that were delivered before cannot be recalled.
    """
    sent = await services.chat.redact(principal, conversation, message_id, key_text(idempotency_key))
    return Response(sent_json(sent), media_type="application/json")  # type: ignore[arg-type]  # encoded already


@post(
    PATH.removesuffix("/messages") + "/entries",
    operation_id="importEntry",
    summary="Import an entry",
    tags=["messages"],
    status_code=201,
    opt={"right": "import"},
)
async def import_entry(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    data: JSONBody[ImportBody],
    idempotency_key: IdempotencyKey = None,
) -> Response[SentView]:
    """Append an entry of another log as it was there: with its time, its sender, and what became of it.

    The entry is marked `imported`. Its `at` is for display: the log's order, the inbox and whatever looks for news go
    by the time of writing. Besides `import` the caller needs the right that writing such an entry needs: `send`, with
    `send_as` for senders other than itself, `moderate` for messages that it did not import itself, and `manage` for an
    update. 200: it was imported with this key before.
    """
    sent = await services.chat.import_entry(principal, conversation, data, idempotency_key)
    status = 201 if sent.created else 200
    return Response(sent_json(sent), status_code=status, media_type="application/json")  # type: ignore[arg-type]  # encoded already


__all__ = ["ONE", "IdempotencyKey", "edit", "import_entry", "key_text", "redact"]
