"""The route of the widgets: `POST /n8n/{chat}/chat`.

An error is answered in a form that the widget shows: with `message`, or in a stream as a line of type `error` with
status 200. A request for the history is answered whatever happens: without an answer the widget has no text field.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from umbral_chat.errors import InvalidRequest, NotFound, RequestError, TooManyRequests, UnsupportedMedia
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.disconnect import watched
from umbral_chat.model.cursor import Cursor

from umbral_chat_n8n_bridge.files.form import is_form
from umbral_chat_n8n_bridge.files.upload import REFUSED
from umbral_chat_n8n_bridge.gateway import widget
from umbral_chat_n8n_bridge.gateway.following import AnswerEnded, AnswerFeed, GrowingMessage, QuietEvent, WrittenMessage
from umbral_chat_n8n_bridge.gateway.repeats import ended
from umbral_chat_n8n_bridge.gateway.room import GatewayRoom
from umbral_chat_n8n_bridge.gateway.visitor_messages import VisitorMessages
from umbral_chat_n8n_bridge.gateway.writer import AnswerWriter, JsonWriter, LineWriter
from umbral_chat_n8n_bridge.push.tickets import PushTicket, issue
from umbral_chat_n8n_bridge.relay.ledger import Ledger

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send
    from umbral_chat.model.conversations import MessagePage
    from umbral_chat.model.entries import FoldedMessage

    from umbral_chat_n8n_bridge.bridge import Bridge
    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.files.upload import Upload
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
        self.rooms = {name: GatewayRoom(chat, bridge.services, bridge.files) for name, chat in bridge.chats.items()}
        self.messages = VisitorMessages(bridge)

    def preflight(self, scope: Scope) -> asgi.Headers | None:
        """The headers of the answer to a CORS preflight; None: this is none that may pass."""
        room = self.rooms.get(_segment(scope))
        return None if room is None else room.preflight(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        streams = any(name == b"accept" and b"text/plain" in value for name, value in scope["headers"])
        room = self.rooms.get(str(scope["path_params"]["chat"]))
        writer: AnswerWriter = (LineWriter if streams else JsonWriter)(send, room.headers(scope) if room else [])
        request: WidgetRequest | None = None
        upload: Upload | None = None
        try:
            if room is None:
                raise NotFound("There is no such chat here.", code="not_found")
            room.check_origin(scope)
            address = room.address(scope)
            if is_form(asgi.header(scope, b"content-type") or ""):
                if room.uploads.takes:
                    room.addresses.check(address)  # before megabytes are read
                texts, upload = await room.uploads.form(scope, receive)
                request = widget.WidgetRequest.of_form(texts, asgi.depth_of(scope))
            else:
                request = await _request(scope, receive, self._services.base.settings.core.limits.body_bytes)
                room.addresses.check(address)
            async with _disconnects(scope, receive) as disconnect:
                if request.action == "loadPreviousSession":
                    await writer.raw(await self._history(room.chat, request, disconnect))
                    self._bridge.counters.asked("history")
                elif request.action == "sendMessage":
                    await self._message(room, address, request, upload, writer, disconnect)
                else:
                    raise InvalidRequest("The action is none of n8n's chat.", code="invalid_field", field="action")
        except ConnectionAbortedError:
            return  # the run goes on, and its answer is in the log
        except RequestError as error:
            self._bridge.counters.asked("limited" if isinstance(error, TooManyRequests) else "refused")
            if request is not None and request.action == "loadPreviousSession":
                await writer.raw(widget.NO_HISTORY)
            else:
                await writer.fail(error.status, widget.sentence(error))
        finally:
            if upload is not None:
                upload.close()

    async def _message(
        self,
        room: GatewayRoom,
        address: str,
        request: WidgetRequest,
        upload: Upload | None,
        writer: AnswerWriter,
        disconnect: asgi.Disconnect,
    ) -> None:
        chat, metadata = room.chat, request.own_metadata()
        conversation = chat.conversation_of(request.session)
        self.messages.check(room, request.text, upload)
        if request.files:
            raise UnsupportedMedia(REFUSED)
        if chat.settings.push and not writer.streams and room.has_socket_left(conversation, address):
            asked = await self.messages.write(room, conversation, request.text, metadata, upload)
            await writer.raw(await self._pushed(chat, conversation, asked, metadata))
            self._bridge.counters.asked("pushed")
            return
        with room.waiting(conversation, address):
            asked = await self.messages.write(room, conversation, request.text, metadata, upload)
            await self._answer(chat, conversation, asked, writer, disconnect)

    async def _pushed(self, chat: Chat, conversation: str, asked: Cursor, metadata: dict[str, Any] | None) -> bytes:
        """The answer that has the widget open its socket."""
        assert asked.epoch is not None  # noqa: S101 - a message has been written
        ticket = PushTicket(chat.name, conversation, asked.epoch, asked.seq, metadata)
        token = await issue(self._services.storage.store, ticket)
        return widget.started(f"{asked.seq}", token)

    async def _answer(
        self, chat: Chat, conversation: str, asked: Cursor, writer: AnswerWriter, disconnect: asgi.Disconnect
    ) -> None:
        lines, texts, broken, generation = widget.StreamLines(chat.name), list[str](), False, 1
        follower = AnswerFeed(self._services, conversation, asked)
        timeout = chat.settings.timeout + chat.settings.late_answer
        record = None
        async for step in follower.steps(timeout, QUIET, disconnect):
            now = self._services.base.clock.now()
            match step:
                case GrowingMessage(message_id, text):
                    await writer.line(lines.grown(message_id, text, now))
                case WrittenMessage(message_id, text, complete, shown, own):
                    await writer.line(lines.written(message_id, shown, now))
                    if own != generation:
                        # The one before was interrupted, and this one answers all that it did not.
                        texts, broken, generation = [], False, own
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
        last = next((one for one in reversed(page.messages) if one.sender.role == "user"), None)
        if last is not None and page.head is not None and await self._is_being_answered(conversation, page, last):
            asked = Cursor(page.head.epoch, last.seq)
            async for _ in AnswerFeed(self._services, conversation, asked).steps(HISTORY_HOLD, QUIET, disconnect):
                pass
            page = await self._services.storage.history.messages(conversation, limit=HISTORY)
        return widget.history(page.messages)

    async def _is_being_answered(self, conversation: str, page: MessagePage, last: FoldedMessage) -> bool:
        """Whether the answer to the visitor's last message is under way, as far as is known."""
        assert page.head is not None  # noqa: S101 - it has messages
        ledger, epoch = Ledger(self._services.storage.store), page.head.epoch
        if last is page.messages[-1]:
            return await ended(ledger, conversation, epoch, last.seq) is None
        # A part of it is there already.
        record, _ = await ledger.load(conversation, epoch, last.seq)
        return record is not None and await ended(ledger, conversation, epoch, last.seq) is None


async def _request(scope: Scope, receive: Receive, limit: int) -> WidgetRequest:
    kind = asgi.header(scope, b"content-type") or ""
    if kind.startswith("multipart/"):
        raise UnsupportedMedia(REFUSED)
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


__all__ = ["HISTORY", "HISTORY_HOLD", "QUIET", "GatewayEdge"]
