"""The route for the newest messages of a conversation, as the memory of a language model."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter

from umbral_chat._core.conversations.prompt_window import PromptFormat, PromptWindow
from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat._core.http.messages import PATH
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.cursor import SEQ_LIMIT, START, Cursor

MESSAGES = 500
"""Most messages of a context: more than any assistant's memory is set to."""

MESSAGES_BY_DEFAULT = 50

TOKENS = 1_000_000
"""Most tokens of a context: the longest context windows of language models."""

PAGE = 200
"""Messages per read of the history."""

PAGES = 10
"""Most reads: what is left out, such as redacted messages, does not fill a context."""


class ContextView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest messages as a prompt takes them, the oldest of them first."""

    messages: list[dict[str, Any]]
    """`{"role", "content"}` each for `openai`, `{"type", "content"}` for `langchain`."""
    tokens: int
    """How many they take, as estimated."""
    has_more: bool
    """Whether there are older messages, which are not here."""
    cursor: str
    """The cursor that it was read at."""


@get(
    PATH.removesuffix("/messages") + "/context",
    operation_id="context",
    summary="The newest messages for a prompt",
    tags=["messages"],
    opt={"right": "read", "rate": "transcripts"},
    responses={304: ResponseSpec(None, description="Nothing changed.")},
)
async def context(
    request: Request[Any, Any, Any],
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    format: Annotated[PromptFormat, QueryParameter(description="Whose form the messages have.")] = "openai",  # noqa: A002 - the parameter's name
    messages: Annotated[
        int | None,
        QueryParameter(description=f"Most messages, 1 to {MESSAGES}: {MESSAGES_BY_DEFAULT}, or all with `tokens`."),
    ] = None,
    tokens: Annotated[int | None, QueryParameter(description="Most tokens, as estimated.")] = None,
    before: Annotated[
        int | None,
        QueryParameter(description="Only messages before this seq, such as that of the question itself."),
    ] = None,
) -> Response[ContextView]:
    """The last messages as they are now, as many as fit into `messages` and `tokens`, for the memory of an assistant.

    With `openai` the roles are `user`, `assistant` and `system`, with `langchain` the types `human`, `ai` and `system`,
    as LangChain's `convert_to_messages` and OpenAI's API take them; an `agent` speaks for the assistant. Edits are
    applied. Redacted messages are left out, as are drafts, which are in no log yet; a message whose writing was cut
    short has its text so far, and one without text names its attachments. What a tool returned is no message, and has
    no role here. What is written in the conversation's internal one is never part of it.

    `tokens` is estimated: one for four ASCII characters, one for each other character, four for each message. No
    message is cut: where the newest does not fit, `messages` is empty and `has_more` true.

    The answer has an `ETag`. Send it back as `If-None-Match`: a context that has not changed is answered with 304.
    """
    if messages is not None:
        asgi.check_bounds(messages, field="messages", least=1, most=MESSAGES)
    if tokens is not None:
        asgi.check_bounds(tokens, field="tokens", least=1, most=TOKENS)
    if before is not None:
        asgi.check_bounds(before, field="before", least=0, most=SEQ_LIMIT)
    most = messages or (MESSAGES_BY_DEFAULT if tokens is None else MESSAGES)
    window, history = PromptWindow(messages=most, tokens=tokens), services.storage.history
    head, more = None, True
    for _ in range(PAGES):
        page = await history.messages(conversation, before=before, limit=PAGE)
        head = head or page.head
        window.take(reversed(page.messages))
        more = page.has_more
        if window.full or not page.messages or not more:
            break
        before = page.messages[0].seq
    if head is not None:
        check_epoch(principal, conversation, head.epoch)
    view = ContextView(
        messages=window.prompt(format),
        tokens=window.tokens,
        has_more=window.full or more,
        cursor=str(START if head is None else Cursor(head.epoch, head.seq)),
    )
    data = msgspec.json.encode(view)
    etag = f'W/"{blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]  # a 304 has no body
    return Response(data, headers=headers, media_type="application/json")  # type: ignore[arg-type]  # encoded already


__all__ = ["MESSAGES", "PAGES", "TOKENS", "ContextView", "context"]
