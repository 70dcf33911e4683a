"""Sending and the folded history: one hot path with two methods."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.handlers import ASGIRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from litestar.types import Receive, Scope, Send

from umbral_chat._core.conversations.service import Sent
from umbral_chat._core.http.views import MessagesView, SentView
from umbral_chat._core.parts import ServiceParts
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.model.cursor import SEQ_LIMIT, Cursor
from umbral_chat.model.requests import SendBody

PATH = "/v1/conversations/{conversation:str}/messages"

_PARAMETERS = frozenset({"after", "before", "limit"})
_NO_PARAMETERS: frozenset[str] = frozenset()

_decoder = msgspec.json.Decoder(SendBody)
_encoder = msgspec.json.Encoder()


def sent_json(sent: Sent) -> bytes:
    """The answer to a write, around the entry's JSON as every reader gets it."""
    entry, cursor, created = sent
    end = f',"cursor":"{cursor.epoch}.{cursor.seq}","created":{"true" if created else "false"}}}'
    return b'{"entry":' + entry.json + end.encode()


def routes(services: ServiceParts) -> ASGIRouteHandler:
    """The handler of both methods."""
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
        await asgi.send_json(send, 201 if sent.created else 200, sent_json(sent))

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
    responses={200: ResponseSpec(SentView, description="It was stored before.", generate_examples=False)},
)
async def send_documented(
    conversation: FromPath[str],  # noqa: ARG001 - the signature is what is documented
    data: JSONBody[SendBody],  # noqa: ARG001
    idempotency_key: Annotated[  # noqa: ARG001
        str | None, HeaderParameter(name="Idempotency-Key", description="The same thing as `client_id` in the body.")
    ] = None,
) -> SentView:
    """Append a message to the log; the first one makes the conversation.

    Answered 201 it is durable; the same key again is answered 200 with the first entry.
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

    Following from the answer's `cursor` misses nothing.
    """
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["PATH", "list_documented", "routes", "send_documented", "sent_json"]
