"""What visitors write, by a request or over the widget's WebSocket: checked, held to the chat's limits, and logged."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from umbral_chat.errors import Conflict, InvalidRequest, RequestError, Unavailable
from umbral_chat.model.requests import SendBody

from umbral_chat_n8n_bridge.files.reference import with_files
from umbral_chat_n8n_bridge.gateway.limits import count_message
from umbral_chat_n8n_bridge.gateway.repeats import find_repeat

if TYPE_CHECKING:
    from umbral_chat.model.cursor import Cursor

    from umbral_chat_n8n_bridge.bridge import Bridge
    from umbral_chat_n8n_bridge.files.upload import Upload
    from umbral_chat_n8n_bridge.gateway.room import GatewayRoom


class VisitorMessages:
    """Those of all chats."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._services = bridge.services

    def check(self, room: GatewayRoom, text: str, upload: Upload | None = None) -> None:
        """Raises InvalidRequest (`invalid_field`) and Unavailable (`not_started`)."""
        if not text.strip() and not (upload is not None and upload.files):
            raise InvalidRequest("The message is empty.", code="invalid_field", field="chatInput")
        if len(text) > room.chat.settings.message_chars:
            raise InvalidRequest("The message is too long.", code="invalid_field", field="chatInput")
        if not self._bridge.started.is_set():
            raise Unavailable("The chat has not started yet.", code="not_started")

    async def write(
        self,
        room: GatewayRoom,
        conversation: str,
        text: str,
        metadata: dict[str, Any] | None,
        upload: Upload | None = None,
    ) -> Cursor:
        """Log a message, or find the one that it repeats, where the chat joins repeats; its cursor. Its files are
        stored before, and let go of here. Raises what `check` raises, TooManyRequests (`rate_limited`), and what a send
        raises."""
        self.check(room, text, upload)
        if upload is not None and upload.files:
            return await self._send_with_files(room, conversation, text, metadata, upload)
        chat, services = room.chat, self._services
        if not chat.settings.join_repeats:
            return await self._send(room, conversation, text, metadata, None)
        repeat = await find_repeat(services, chat, conversation, text)
        if repeat.of is not None:
            return repeat.of
        try:
            return await self._send(room, conversation, text, metadata, repeat.key)
        except Conflict:  # of two that came together, which differ in what their pages add
            repeat = await find_repeat(services, chat, conversation, text)
            if repeat.of is None:
                raise
            return repeat.of

    async def _send(
        self, room: GatewayRoom, conversation: str, text: str, metadata: dict[str, Any] | None, key: str | None
    ) -> Cursor:
        await self._count(room, conversation)
        return await self._log(room, conversation, SendBody(content=text, client_id=key, metadata=metadata))

    async def _send_with_files(
        self,
        room: GatewayRoom,
        conversation: str,
        text: str,
        metadata: dict[str, Any] | None,
        upload: Upload,
    ) -> Cursor:
        files, settings = self._bridge.files, room.chat.settings
        limit = self._services.base.settings.core.limits.metadata_bytes
        upload_id = files.draw_id()
        body = SendBody(content=text, metadata=with_files(metadata, upload_id, upload.files, limit))
        await self._count(room, conversation)
        # First, so that whichever instance relays the message finds them.
        await files.put(upload_id, conversation, upload.files, settings.files_kept)
        upload.close()
        try:
            return await self._log(room, conversation, body)
        except RequestError:
            with contextlib.suppress(RequestError):
                await files.remove(upload_id, conversation)
            raise

    async def _count(self, room: GatewayRoom, conversation: str) -> None:
        chat, services = room.chat, self._services
        room.messages.check("")
        await count_message(
            services.storage.store,
            conversation,
            services.base.clock.now(),
            per_minute=chat.settings.session_per_minute,
            per_day=chat.settings.session_per_day,
        )

    async def _log(self, room: GatewayRoom, conversation: str, body: SendBody) -> Cursor:
        sent = await self._services.chat.send(room.chat.visitor(conversation), conversation, body, None)
        return sent.cursor


__all__ = ["VisitorMessages"]
