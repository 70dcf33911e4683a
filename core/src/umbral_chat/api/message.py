"""Editing and redacting one message."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, patch
from litestar.params import FromPath, HeaderParameter, JSONBody

from umbral_chat import http
from umbral_chat.api.bodies import EditBody
from umbral_chat.api.dependencies import Caller, Parts
from umbral_chat.api.messages import PATH, sent_json
from umbral_chat.api.views import SentView

ONE = PATH + "/{message_id:str}"

IdempotencyKey = Annotated[
    str | None, HeaderParameter(name="Idempotency-Key", description="A repeat is answered with the first.")
]


def key_text(header: str | None) -> str | None:
    """The key as `http.header` would read it: Litestar reads headers as Latin-1, and clients send UTF-8. Raises
    InvalidRequest (`invalid_encoding`)."""
    return None if header is None else http.header_text(b"idempotency-key", header.encode("latin-1"))


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


__all__ = ["ONE", "IdempotencyKey", "edit", "key_text", "redact"]
