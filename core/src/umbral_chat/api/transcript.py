"""The whole conversation for a prompt, a ticket or an archive, streamed page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from umbral_chat.api.dependencies import Caller, Parts
from umbral_chat.api.messages import PATH
from umbral_chat.epochs import check_epoch
from umbral_chat.model.attachments import in_words
from umbral_chat.model.conversations import MessagePage
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.entries import FoldedMessage
from umbral_chat.providers.history import History

PAGE = 200
"""Messages read at once: a transcript of any length costs the memory of one page."""

Format = Literal["json", "markdown", "text", "openai"]


class _Form(NamedTuple):
    media_type: str
    begin: Callable[[str, str], str]
    item: Callable[[FoldedMessage], str | None]
    between: str
    end: str


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _who(message: FoldedMessage) -> str:
    return message.sender.name or message.sender.role


def _when(message: FoldedMessage) -> str:
    return message.at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _said(message: FoldedMessage) -> str:
    return message.content or in_words(message.metadata)


def _markdown(message: FoldedMessage) -> str:
    said = "*redacted*" if message.redacted else _said(message)
    edited = " (edited)" if message.edited_at else ""
    return f"**{_who(message)}** · {_when(message)}{edited}\n\n{said}\n"


def _text(message: FoldedMessage) -> str:
    return f"[{_when(message)}] {_who(message)}: {'(redacted)' if message.redacted else _said(message)}"


def _openai(message: FoldedMessage) -> str | None:
    if message.redacted:
        return None
    # The roles of a prompt: a human operator answers in the assistant's place.
    role = "assistant" if message.sender.role == "agent" else message.sender.role
    return _json({"role": role, "content": _said(message)})


FORMS: dict[str, _Form] = {
    "json": _Form(
        "application/json",
        lambda conversation, cursor: f'{{"conversation":{_json(conversation)},"cursor":{_json(cursor)},"messages":[',
        _json,
        ",",
        "]}",
    ),
    "markdown": _Form(
        "text/markdown; charset=utf-8", lambda conversation, _: f"# {conversation}\n\n", _markdown, "\n", ""
    ),
    "text": _Form("text/plain; charset=utf-8", lambda *_: "", _text, "\n", "\n"),
    "openai": _Form("application/json", lambda *_: "[", _openai, ",", "]"),
}


@get(
    PATH.removesuffix("/messages") + "/transcript",
    operation_id="transcript",
    summary="The whole conversation",
    tags=["messages"],
    opt={"right": "read"},
)
async def transcript(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    format: Annotated[Format, QueryParameter(description="How it is written.")] = "json",  # noqa: A002 - the parameter's name
) -> Stream:
    """Every message as it is now: `json` (all there is of each), `markdown`, `text`, or `openai` (role and content, as
    a prompt takes them)."""
    history = services.storage.history
    first = await history.messages(conversation, after=0, limit=PAGE)
    if first.head is not None:
        check_epoch(principal, conversation, first.head.epoch)
    shape = FORMS[format]
    return Stream(_written(history, conversation, first, shape), media_type=shape.media_type)


async def _written(history: History, conversation: str, page: MessagePage, form: _Form) -> AsyncIterator[str]:
    head = page.head
    yield form.begin(conversation, str(START if head is None else Cursor(head.epoch, head.seq)))
    separator = ""
    last = 0
    while head is not None:
        for message in page.messages:
            # What came after the first page was read is not of this transcript, whose cursor says where it ends.
            if message.seq <= head.seq and (written := form.item(message)) is not None:
                yield separator + written
                separator = form.between
            last = message.seq
        if not page.has_more or last >= head.seq:
            break
        page = await history.messages(conversation, after=last, limit=PAGE)
    yield form.end


__all__ = ["FORMS", "PAGE", "transcript"]
