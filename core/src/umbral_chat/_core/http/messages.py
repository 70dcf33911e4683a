"""Messages: sending and the folded history (one hot route with two methods), edits, redactions and imports."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.handlers import ASGIRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from litestar.types import Receive, Scope, Send

from umbral_chat._core.conversations.appending import Sent
from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat._core.http.views import MessagesView, SentView
from umbral_chat._core.parts import ServiceParts
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.model.cursor import SEQ_LIMIT, Cursor
from umbral_chat.model.requests import EditBody, ImportBody, SendBody

PATH = "/v1/conversations/{conversation:str}/messages"
ONE_MESSAGE = PATH + "/{message_id:str}"

_PARAMETERS = frozenset({"after", "before", "limit"})
_NO_PARAMETERS: frozenset[str] = frozenset()

_decoder = msgspec.json.Decoder(SendBody)
_encoder = msgspec.json.Encoder()


def sent_json(sent: Sent) -> bytes:
    """The JSON answer to a write, around the entry that was encoded once for every reader."""
    entry, cursor, created = sent
    end = f',"cursor":"{cursor.epoch}.{cursor.seq}","created":{"true" if created else "false"}}}'
    return b'{"entry":' + entry.json + end.encode()


def routes(services: ServiceParts) -> ASGIRouteHandler:
    """The hot route for POST and GET."""
    chat = services.chat
    history = services.storage.history
    limits = services.base.settings.core.limits

    async def send_message(scope: Scope, receive: Receive, send: Send) -> None:
        raw = await asgi.body(scope, receive, limits.body_bytes)
        asgi.query(scope, _NO_PARAMETERS)
        body = asgi.decode(_decoder, raw)
        sent = await chat.send(
            asgi.principal(scope), asgi.conversation(scope), body, asgi.header(scope, b"idempotency-key")
        )
        status = 201 if sent.created and sent.entry.kind == "message" else 200
        await asgi.send_json(send, status, sent_json(sent))

    async def list_messages(scope: Scope, send: Send) -> None:
        query = asgi.query(scope, _PARAMETERS)
        limit = asgi.integer(query.get("limit"), field="limit", default=50, least=1, most=limits.page)
        after, before = _bound(query, "after"), _bound(query, "before")
        if after is not None and before is not None:
            raise InvalidRequest("Give after or before, not both.", code="invalid_field", field="before")
        conversation = asgi.conversation(scope)
        page = await history.messages(conversation, after=after, before=before, limit=limit)
        if page.head is not None:
            check_epoch(asgi.principal(scope), conversation, page.head.epoch)
        cursor = Cursor() if page.head is None else Cursor(page.head.epoch, page.head.seq)
        view = MessagesView(messages=page.messages, cursor=str(cursor), has_more=page.has_more)
        await asgi.send_json(send, 200, _encoder.encode(view), [(b"cache-control", b"private, no-cache")])

    async def messages(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "POST":
            await send_message(scope, receive, send)
        else:
            await list_messages(scope, send)

    return HotRoute(
        PATH,
        copy_scope=False,
        opt={"right": {"POST": "send", "GET": "read"}, "documented_by": [send_documented, list_documented]},
    )(messages)


def _bound(query: dict[str, str], field: str) -> int | None:
    if field not in query:
        return None
    return asgi.integer(query[field], field=field, default=0, least=0, most=SEQ_LIMIT)


@post(
    PATH,
    operation_id="send",
    summary="Send a message",
    tags=["messages"],
    status_code=201,
    opt={"right": "send", "problems": (409,)},
    responses={
        200: ResponseSpec(
            SentView,
            description="It was stored before, under the same idempotency key; or it completes its author's "
            "`interrupted` message with this id, as the `edit` entry in the answer (`created` is true).",
            generate_examples=False,
        )
    },
)
async def send_documented(
    conversation: FromPath[str],  # noqa: ARG001 - the signature is what is documented
    data: JSONBody[SendBody],  # noqa: ARG001
    idempotency_key: Annotated[  # noqa: ARG001
        str | None, HeaderParameter(name="Idempotency-Key", description="The same as `client_id` in the body.")
    ] = None,
) -> SentView:
    """Append a message to the log; the first one makes the conversation.

    A message that is answered with 201 is durable. The same key again is answered with 200 and the first entry. A
    message whose `message_id` is that of an `interrupted` message by the same author completes it: it is appended as an
    edit, which clears `finish`.
    """
    raise RuntimeError("documents the hot route and is never called")


@get(PATH, operation_id="messages", summary="The folded history", tags=["messages"], opt={"right": "read"})
async def list_documented(
    conversation: FromPath[str],  # noqa: ARG001
    after: Annotated[int | None, QueryParameter(ge=0, description="Messages after this message seq.")] = None,  # noqa: ARG001
    before: Annotated[int | None, QueryParameter(ge=0, description="Messages before this message seq.")] = None,  # noqa: ARG001
    limit: Annotated[int, QueryParameter(ge=1, description="Most messages in the page.")] = 50,  # noqa: ARG001
) -> MessagesView:
    """Messages as they are now, ascending: the newest page, or the one after or before a message's seq.

    A client that follows from the answer's `cursor` misses nothing.
    """
    raise RuntimeError("documents the hot route and is never called")


IdempotencyKey = Annotated[
    str | None, HeaderParameter(name="Idempotency-Key", description="A repeat is answered with the first.")
]


def key_text(header: str | None) -> str | None:
    """The idempotency key as `asgi.header` would read it: Litestar decodes headers as Latin-1, and clients send UTF-8.

    Raises InvalidRequest (`invalid_encoding`)."""
    return None if header is None else asgi.header_text(b"idempotency-key", header.encode("latin-1"))


@patch(
    ONE_MESSAGE,
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
    """Replace a message's content: the caller's own messages, or any with the right `moderate`."""
    sent = await services.chat.edit(principal, conversation, message_id, data, key_text(idempotency_key))
    return Response(sent_json(sent), media_type="application/json")  # type: ignore[arg-type]  # encoded already


@delete(
    ONE_MESSAGE,
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
    """Blank a message and its edits: the caller's own messages, or any with the right `moderate`.

    The text is removed from the store. Copies that were delivered before cannot be recalled.
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
    """Append an entry of another log as it was there: with its time, its sender, and redacted if it was.

    The entry is marked `imported`. Its `at` is for display: the log's order, the inbox and scans for new entries go by
    the time of writing. Besides `import` the caller needs the right that writing such an entry needs: `send`, with
    `send_as` for senders other than itself, `moderate` for messages that it did not import itself, and `manage` for an
    update. 200: it was imported under the same idempotency key before.
    """
    sent = await services.chat.import_entry(principal, conversation, data, idempotency_key)
    status = 201 if sent.created else 200
    return Response(sent_json(sent), status_code=status, media_type="application/json")  # type: ignore[arg-type]  # encoded already


__all__ = [
    "PATH",
    "IdempotencyKey",
    "edit",
    "import_entry",
    "key_text",
    "list_documented",
    "redact",
    "routes",
    "send_documented",
    "sent_json",
]
