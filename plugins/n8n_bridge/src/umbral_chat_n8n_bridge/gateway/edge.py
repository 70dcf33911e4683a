"""The route of the widgets: `POST /n8n/{chat}/chat`.

An error is answered in a form that the widget shows: with `message`, or in a stream as a line of type `error` with
status 200. A request for the history is answered whatever happens: without an answer the widget has no text field.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from umbral_chat.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    RequestError,
    TooManyRequests,
    Unavailable,
    UnsupportedMedia,
)
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.disconnect import watched
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.requests import SendBody

from umbral_chat_n8n_bridge.gateway import widget
from umbral_chat_n8n_bridge.gateway.following import AnswerEnded, AnswerFeed, GrowingMessage, QuietEvent, WrittenMessage
from umbral_chat_n8n_bridge.gateway.limits import count_today
from umbral_chat_n8n_bridge.gateway.room import GatewayRoom
from umbral_chat_n8n_bridge.gateway.writer import AnswerWriter, JsonWriter, LineWriter

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

    from umbral_chat_n8n_bridge.bridge import Bridge
    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.gateway.widget import WidgetRequest

log = logging.getLogger(__name__)

QUIET = 15.0
"""Seconds without a byte after which one is sent: proxies end what is silent for a minute."""

HISTORY_HOLD = 20.0
"""Seconds for which the history waits for an answer that is being written, so that who reloads the page gets it: less
than any proxy's time-out."""

HISTORY = 100
"""Messages of a history."""


class GatewayEdge:
    """Answers the widgets of all chats."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._services = bridge.services
        self._rooms = {name: GatewayRoom(chat, bridge.services) for name, chat in bridge.chats.items()}

    def preflight(self, scope: Scope) -> asgi.Headers | None:
        """The headers of the answer to a CORS preflight; None: this is none that may pass."""
        room = self._rooms.get(_segment(scope))
        return None if room is None else room.preflight(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        streams = any(name == b"accept" and b"text/plain" in value for name, value in scope["headers"])
        room = self._rooms.get(str(scope["path_params"]["chat"]))
        writer: AnswerWriter = (LineWriter if streams else JsonWriter)(send, room.headers(scope) if room else [])
        request: WidgetRequest | None = None
        try:
            if room is None:
                raise NotFound("There is no such chat here.", code="not_found")
            room.check_origin(scope)
            request = await _request(scope, receive, self._services.base.settings.core.limits.body_bytes)
            room.addresses.check(room.address(scope))
            async with _disconnects(scope, receive) as disconnect:
                if request.action == "loadPreviousSession":
                    await writer.raw(await self._history(room.chat, request, disconnect))
                    self._bridge.counters.asked("history")
                elif request.action == "sendMessage":
                    await self._message(room, request, writer, disconnect)
                else:
                    raise InvalidRequest("The action is none of n8n's chat.", code="invalid_field", field="action")
        except ConnectionAbortedError:
            return  # the run goes on, and its answer is in the log
        except RequestError as error:
            self._bridge.counters.asked("limited" if isinstance(error, TooManyRequests) else "refused")
            if request is not None and request.action == "loadPreviousSession":
                await writer.raw(widget.NO_HISTORY)
            else:
                await writer.fail(error.status, _sentence(error))

    async def _message(
        self, room: GatewayRoom, request: WidgetRequest, writer: AnswerWriter, disconnect: asgi.Disconnect
    ) -> None:
        chat, services = room.chat, self._services
        conversation = chat.conversation_of(request.session)
        if not request.text.strip():
            raise InvalidRequest("The message is empty.", code="invalid_field", field="chatInput")
        if len(request.text) > chat.settings.message_chars:
            raise InvalidRequest("The message is too long.", code="invalid_field", field="chatInput")
        if not self._bridge.started.is_set():
            raise Unavailable("The chat has not started yet.", code="not_started")
        with room.waiting():
            room.sessions.check(conversation)
            room.messages.check("")
            now = services.base.clock.now()
            await count_today(services.storage.store, conversation, chat.settings.session_per_day, now)
            body = SendBody(content=request.text, metadata=request.own_metadata())
            sent = await services.chat.send(chat.visitor(conversation), conversation, body, None)
            await self._answer(chat, conversation, sent.cursor, writer, disconnect)

    async def _answer(
        self, chat: Chat, conversation: str, asked: Cursor, writer: AnswerWriter, disconnect: asgi.Disconnect
    ) -> None:
        lines, texts, broken = widget.StreamLines(chat.name), list[str](), False
        follower = AnswerFeed(self._services, conversation, asked)
        timeout = chat.settings.timeout + chat.settings.late_answer
        record = None
        async for step in follower.steps(timeout, QUIET, disconnect):
            now = self._services.base.clock.now()
            match step:
                case GrowingMessage(message_id, text):
                    await writer.line(lines.grown(message_id, text, now))
                case WrittenMessage(message_id, text, complete):
                    await writer.line(lines.written(message_id, text, now))
                    texts.append(text)
                    broken = broken or not complete
                case QuietEvent():
                    await writer.keep_alive()
                case AnswerEnded(found):
                    record = found
        if record is not None and record.outcome == "human" and not texts:
            texts.append(chat.settings.human_notice)
            await writer.line(lines.written("notice", chat.settings.human_notice, self._services.base.clock.now()))
        failed = not texts or (broken and record is not None and record.outcome == "failed")
        self._bridge.counters.asked("failed" if failed else "answered")
        if failed:
            await writer.fail(500, chat.settings.failure_notice, said=widget.joined(texts))
        else:
            await writer.end(widget.joined(texts))

    async def _history(self, chat: Chat, request: WidgetRequest, disconnect: asgi.Disconnect) -> bytes:
        """The messages of a session that whoever knows it may see. Raises RequestErrors."""
        if not widget.SESSION.match(request.session):
            return widget.NO_HISTORY
        conversation = chat.conversation_of(request.session)
        page = await self._services.storage.history.messages(conversation, limit=HISTORY)
        if page.messages and page.head is not None and page.messages[-1].sender.role == "user":
            asked = Cursor(page.head.epoch, page.messages[-1].seq)
            async for _ in AnswerFeed(self._services, conversation, asked).steps(HISTORY_HOLD, QUIET, disconnect):
                pass
            page = await self._services.storage.history.messages(conversation, limit=HISTORY)
        return widget.history(page.messages)


async def _request(scope: Scope, receive: Receive, limit: int) -> WidgetRequest:
    kind = asgi.header(scope, b"content-type") or ""
    if kind.startswith("multipart/"):
        raise UnsupportedMedia("Files are not taken here.")
    return widget.WidgetRequest.parse(await asgi.body(scope, receive, limit))


@asynccontextmanager
async def _disconnects(scope: Scope, receive: Receive) -> AsyncIterator[asgi.Disconnect]:
    own = asgi.server_disconnect(scope)
    if own is not None:
        yield own
        return
    async with watched(receive) as disconnect:
        yield disconnect


def _segment(scope: Scope) -> str:
    """The chat of the path, before it was routed."""
    return scope["path"].rstrip("/").rpartition("/")[0].rpartition("/")[2]


_SENTENCES = {
    "rate_limited": "Too many messages. Please wait a moment.",
    "too_many_readers": "The chat is busy. Please try again in a moment.",
}


def _sentence(error: RequestError) -> str:
    """What a visitor is shown."""
    if isinstance(error, InvalidRequest | Forbidden | NotFound | UnsupportedMedia):
        return error.detail
    if isinstance(error, Unavailable):
        return _SENTENCES.get(error.code, "The chat is not available. Please try again in a moment.")
    return _SENTENCES.get(error.code, "The message was not accepted.")


__all__ = ["HISTORY", "HISTORY_HOLD", "QUIET", "GatewayEdge"]
