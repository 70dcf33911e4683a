"""The route for a whole conversation as a prompt, a ticket or an archive needs it, streamed page by page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat._core.http.messages import PATH
from umbral_chat._core.runtime.visible import inert, lines, quoted, visible
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.attachments import in_words
from umbral_chat.model.conversations import MessagePage
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.entries import FoldedMessage
from umbral_chat.providers.history import History

PAGE = 200
"""Messages per read of the history: a transcript of any length needs the memory of one page."""

Format = Literal["json", "markdown", "text", "openai"]


class _Form(NamedTuple):
    media_type: str
    begin: Callable[[str, str], str]
    item: Callable[[FoldedMessage], str | None]
    between: str
    end: str


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _when(message: FoldedMessage) -> str:
    return message.at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _content_text(message: FoldedMessage) -> str:
    """The content, or the attachments in words for a message without text."""
    return message.content or in_words(message.metadata)


INDENT = "    "
"""Before each line of a content (in `text` except the first), so that column 0 is reserved for the transcript itself.
Markdown renders such lines verbatim: nothing in them becomes a heading, a fence, an image or HTML."""

_MARKUP = re.compile(r"[\\`*_\[\]<>&#!|~$]")


def _cut(message: FoldedMessage) -> str:
    """How the writing ended, where the text is not complete."""
    return f" ({message.finish})" if message.finish else ""


def _markdown(message: FoldedMessage) -> str:
    name = message.sender.name
    who = f"**{message.sender.role}**" + (f" · **{_plain(name)}**" if name and name.strip() else "")
    head = f"{who} · {_when(message)}{' (edited)' if message.edited_at else ''}{_cut(message)}"
    if message.redacted:
        return f"{head}\n\n*redacted*\n"
    return head + "\n\n" + "".join(f"{INDENT}{line}\n" for line in lines(inert(_content_text(message))))


def _plain(text: str) -> str:
    """`text` on one line, with Markdown's markup escaped."""
    return _MARKUP.sub(r"\\\g<0>", visible(" ".join(text.split())))


def _text(message: FoldedMessage) -> str:
    name = message.sender.name
    who = message.sender.role + (f" {quoted(name)}" if name else "")
    if message.redacted:
        return f"[{_when(message)}] {who} (redacted)"  # without a colon: nothing follows that a sender wrote
    content = f"\n{INDENT}".join(lines(inert(_content_text(message))))
    return f"[{_when(message)}] {who}{_cut(message)}: {content}"


def _openai(message: FoldedMessage) -> str | None:
    if message.redacted:
        return None
    # The roles of a prompt: a human operator answers in the assistant's place.
    role = "assistant" if message.sender.role == "agent" else message.sender.role
    return _json({"role": role, "content": _content_text(message)})


FORMS: dict[str, _Form] = {
    "json": _Form(
        "application/json",
        lambda conversation, cursor: f'{{"conversation":{_json(conversation)},"cursor":{_json(cursor)},"messages":[',
        _json,
        ",",
        "]}",
    ),
    "markdown": _Form("text/markdown", lambda conversation, _: f"# {_plain(conversation)}\n\n", _markdown, "\n", ""),
    "text": _Form("text/plain", lambda *_: "", _text, "\n", "\n"),
    "openai": _Form("application/json", lambda *_: "[", _openai, ",", "]"),
}


@get(
    PATH.removesuffix("/messages") + "/transcript",
    operation_id="transcript",
    summary="The whole conversation",
    tags=["messages"],
    opt={
        "right": "read",
        "rate": "transcripts",
        "media_types": tuple(dict.fromkeys(form.media_type for form in FORMS.values())),
    },
)
async def transcript(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    format: Annotated[Format, QueryParameter(description="The format of the answer.")] = "json",  # noqa: A002 - the parameter's name
) -> Stream:
    """Every message as it is now, in the order of the log.

    `json` has every field of each message; `openai` has role and content, as a prompt takes them: there an `agent` has
    the role `assistant`, redacted messages are left out, and one whose writing was cut short has its text so far. Both
    are JSON, so a content cannot leave its string.

    `text` and `markdown` are for people, and for a prompt that is one text. Column 0 is reserved for the transcript:
    each line of a content is indented by four spaces, whichever character ended the line before it, except the first
    one in `text`, which follows the message's beginning. That is `[time] role: ` or `[time] role "name": ` in `text`
    (of a redacted message `[time] role (redacted)` and nothing else), and a line `**role** · **name** · time` in
    `markdown`. Where the writing was cut short, the beginning has its `finish` too, as `(interrupted)`. So the role is
    always shown, and no content, name or title can pass for another message. A name is written as a JSON string in
    `text`, and without markup in `markdown`. Control characters, and those that reverse the direction of a text, are
    written as `\\u….`; `json` has each character as it was sent.
    """
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
            # Messages that were appended after the first page was read are left out: the cursor is of that read.
            if message.seq <= head.seq and (written := form.item(message)) is not None:
                yield separator + written
                separator = form.between
            last = message.seq
        if not page.has_more or last >= head.seq:
            break
        page = await history.messages(conversation, after=last, limit=PAGE)
    yield form.end


__all__ = ["FORMS", "INDENT", "PAGE", "transcript"]
