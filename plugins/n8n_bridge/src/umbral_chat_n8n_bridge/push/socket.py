"""One widget's WebSocket: what is said in its conversation is sent to it, and what its visitor writes is logged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbral_chat.errors import (
    ConversationDeleted,
    CursorExpired,
    HistoryUnavailable,
    InvalidRequest,
    RequestError,
    TooManyRequests,
)
from umbral_chat.model.entries import Entry, Message, entry_decoder

from umbral_chat_n8n_bridge.gateway.repeats import ended
from umbral_chat_n8n_bridge.gateway.widget import WidgetRequest, sentence
from umbral_chat_n8n_bridge.push.frames import ACKNOWLEDGED, HEARTBEAT, PushedFrames
from umbral_chat_n8n_bridge.relay.ledger import Ledger, RunRecord

if TYPE_CHECKING:
    from litestar.types import Receive, Send
    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.gateway.room import GatewayRoom
    from umbral_chat_n8n_bridge.gateway.visitor_messages import VisitorMessages
    from umbral_chat_n8n_bridge.push.tickets import PushTicket

log = logging.getLogger(__name__)

HEARTBEAT_EVERY = 30.0
"""Seconds, as n8n has it; proxies end what is silent for a minute."""

UNACKNOWLEDGED = 2
"""Heartbeats without an answer after which the widget is gone."""

LOOK_EVERY = 1.0
"""Seconds after which it is looked whether an answer has ended: that may be notified of by nothing."""

SEND_TIMEOUT = 10.0
"""Seconds for a frame to leave, after which the widget reads nothing any more."""

LONGEST = 86_400.0
"""Seconds that a socket may live; after it the widget's next message is a POST again."""

PATIENCE = 3
"""Looks in a row after which a message does not come that was being written."""

PAGE = 200

NORMAL, RESTART, REFUSED = 1000, 1012, 1008
"""Codes of close frames (RFC 6455, section 7.4.1, and its registry)."""


class PushSocket:
    """Serves one socket after it was accepted."""

    def __init__(
        self,
        services: Services,
        room: GatewayRoom,
        ticket: PushTicket,
        address: str,
        messages: VisitorMessages,
        receive: Receive,
        send: Send,
    ) -> None:
        self._services, self._room, self._ticket = services, room, ticket
        self._address, self._messages = address, messages
        self._receive, self._send = receive, send
        self._cursor = ticket.cursor
        self._frames = PushedFrames(room.chat.settings, ticket.seq)
        self._ledger = Ledger(services.storage.store)
        self._unacknowledged = 0
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Until either side ends it."""
        tasks = [asyncio.create_task(one, name="n8n: push") for one in (self._take(), self._push())]
        code = NORMAL
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=LONGEST)
            for task in tasks:
                if task.done():
                    code = task.result()
        except (ConversationDeleted, CursorExpired):
            pass
        except RequestError as error:
            log.info("n8n: the socket of a widget ends: %s", error.code)
            code = RESTART
        except (OSError, TimeoutError):
            return  # the widget is gone
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if code:
            with contextlib.suppress(OSError, TimeoutError, RuntimeError):
                async with asyncio.timeout(SEND_TIMEOUT):
                    await self._send({"type": "websocket.close", "code": code, "reason": None})

    async def _take(self) -> int:
        """Take what the widget sends; the code to close with, 0: it is closed."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return 0
            text = message.get("text")
            if not isinstance(text, str):
                return REFUSED
            if text == ACKNOWLEDGED:
                if not self._unacknowledged:
                    return REFUSED
                self._unacknowledged = 0
                continue
            try:
                self._room.addresses.check(self._address)
                await self._asked(text)
            except TooManyRequests as error:
                await self._write(self._frames.refused(sentence(error)))
            except ConversationDeleted:
                return NORMAL
            except RequestError as error:
                await self._write(self._frames.refused(sentence(error)))

    async def _asked(self, text: str) -> None:
        request = WidgetRequest.parse(text.encode("utf-8", "surrogatepass"))
        if request.action != "sendMessage":
            raise InvalidRequest("Only messages are taken here.", code="invalid_field", field="action")
        if self._room.chat.conversation_of(request.session) != self._ticket.conversation:
            raise InvalidRequest("This is another session.", code="invalid_field", field="sessionId")
        ticket = self._ticket
        upload = await self._room.uploads.frame(request.files)
        try:
            cursor = await self._messages.write(self._room, ticket.conversation, request.text, ticket.metadata, upload)
        finally:
            if upload is not None:
                upload.close()
        self._frames.ask(cursor.seq)

    async def _push(self) -> int:
        """Send what is said; the code to close with."""
        services, conversation, clock = self._services, self._ticket.conversation, self._services.base.clock
        beaten, stuck = float("-inf"), 0
        async with services.feeds.reading(conversation) as reader:
            while True:
                if (now := clock.monotonic()) - beaten >= HEARTBEAT_EVERY:
                    if self._unacknowledged >= UNACKNOWLEDGED:
                        return REFUSED
                    beaten, self._unacknowledged = now, self._unacknowledged + 1
                    await self._write([HEARTBEAT])
                version = reader.view.version
                # What has ended is looked at before the log is read, which then has all of its messages.
                over = [(seq, await self._record(seq)) for seq in self._frames.asked]
                batch = await services.feeds.read(conversation, self._cursor, PAGE)
                await self._show([entry_decoder.decode(one.json) for one in batch.entries])
                self._cursor = batch.cursor
                if batch.has_more:
                    continue
                for seq, record in over:
                    if record is not None:
                        await self._write(self._frames.ended(seq, record))
                writing = any(one.sender.role != "user" for one in services.drafts.of(conversation))
                if writing:
                    await self._write(self._frames.writing())
                stuck = stuck + 1 if self._frames.stuck and not writing else 0
                if stuck >= PATIENCE:
                    return NORMAL
                if services.lifecycle.draining.is_set():
                    return RESTART
                waits = self._frames.asked or self._frames.stuck
                await reader.wait(self._cursor, version, min(LOOK_EVERY, HEARTBEAT_EVERY) if waits else HEARTBEAT_EVERY)

    async def _record(self, seq: int) -> RunRecord | None:
        try:
            return await ended(self._ledger, self._ticket.conversation, self._ticket.epoch, seq)
        except HistoryUnavailable:
            return None

    async def _show(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if isinstance(entry, Message):
                await self._write(self._frames.message(entry))

    async def _write(self, frames: Sequence[str]) -> None:
        async with self._sending, asyncio.timeout(SEND_TIMEOUT):
            for frame in frames:
                await self._send({"type": "websocket.send", "text": frame, "bytes": None})


__all__ = ["HEARTBEAT_EVERY", "LONGEST", "PushSocket"]
