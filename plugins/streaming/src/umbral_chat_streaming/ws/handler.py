"""What a client may do over its socket: each frame is carried out as the same request over HTTP is, with its rights,
rates and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from umbral_chat.errors import NotFound
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.ids import check_conversation_id
from umbral_chat.providers.presence_reports import (
    RenewalView,
    bounds_of,
    check_log,
    read_report,
    typing_seconds,
)

from umbral_chat_streaming.ws import encoding
from umbral_chat_streaming.ws import frames as f

if TYPE_CHECKING:
    from umbral_chat.context import SentEntry, Services
    from umbral_chat.providers.auth import Principal, Right
    from umbral_chat.providers.presence import Presence

    from umbral_chat_streaming.hub import Hub, Opening
    from umbral_chat_streaming.ws.session import Session

EDGE = "websocket"
"""The edge's name, in offers and metrics."""


class SocketState(Protocol):
    """The socket that a frame came from."""

    session: Session

    @property
    def principal(self) -> Principal:
        """Who sent the frame."""
        ...

    @property
    def expires_at(self) -> Any:
        """When its credentials expire."""
        ...

    def follow(self, frame_id: str, conversation: str, opening: Opening) -> None:
        """Answer the frame that subscribes, and start the subscription."""
        ...

    def unfollow(self, conversation: str) -> None:
        """End a subscription."""
        ...

    async def renew(self, principal: Principal) -> None:
        """Go on with newer credentials."""
        ...


class FrameHandler:
    """Carries frames out, for every socket."""

    def __init__(self, services: Services, hub: Hub) -> None:
        self._access = services.access
        self._chat = services.chat
        self._feeds = services.feeds
        self._presence = services.presence
        self._depth = services.base.settings.core.limits.depth
        self._hub = hub

    async def carry_out(self, client: SocketState, frame: f.Command) -> bytes | None:
        """Carry out a frame; the frame that answers it, None: it has no id, or was answered. Raises RequestErrors."""
        match frame:
            case f.PingFrame():
                return encoding.frame(f.PongFrame(id=frame.id))
            case f.SubscribeFrame():
                await self._subscribe(client, frame)
                return None
            case f.UnsubscribeFrame():
                client.unfollow(frame.conversation)
                value: Any = {}
            case f.RenewFrame():
                await client.renew(await self._access.authenticate(frame.token))
                value = {"expires_at": client.expires_at}
            case _:
                value = await self._act(client, frame)
        return None if frame.id is None else encoding.result(frame.id, value)

    async def _act(self, client: SocketState, frame: f.Command) -> Any:
        match frame:
            case f.SendFrame():
                caller = await self._caller(client, "send", frame.conversation)
                return _sent(await self._chat.send(caller, frame.conversation, frame, None))
            case f.EditFrame():
                caller = await self._caller(client, "send", frame.conversation)
                return _sent(await self._chat.edit(caller, frame.conversation, frame.message_id, frame, None))
            case f.RedactFrame():
                caller = await self._caller(client, "send", frame.conversation)
                key = frame.client_id
                return _sent(await self._chat.redact(caller, frame.conversation, frame.message_id, key))
            case f.ReadFrame():
                caller = await self._caller(client, "read", frame.conversation)
                self._access.count(caller, "markers")
                return {"seq": await self._chat.mark_read(caller, frame.conversation, frame.seq, frame.receipt)}
            case f.TypingFrame():
                return await self._type(client, frame)
            case f.PresenceFrame():
                return await self._report(client, frame)
        raise RuntimeError(f"{type(frame).__name__} is no frame of a client")

    async def _subscribe(self, client: SocketState, frame: f.SubscribeFrame) -> None:
        caller = await self._caller(client, "read", frame.conversation)
        after = Cursor.parse(frame.after)
        client.session.reserve(frame.conversation)
        try:
            opening = await self._hub.open(caller, frame.conversation, after, edge=EDGE, own_connection=False)
        except BaseException:
            client.session.release(frame.conversation)
            raise
        client.follow(frame.id, frame.conversation, opening)

    async def _type(self, client: SocketState, frame: f.TypingFrame) -> Any:
        presence = self._present()
        caller = await self._caller(client, "send", frame.conversation)
        person = self._chat.speaking(caller, frame.sender)
        seconds = typing_seconds(frame, bounds_of(presence))
        await check_log(self._feeds, caller, frame.conversation)
        return presence.typing(frame.conversation, person, frame.typing, seconds=seconds)

    async def _report(self, client: SocketState, frame: f.PresenceFrame) -> Any:
        presence = self._present()
        caller = await self._caller(client, "read", frame.conversation)
        person = self._chat.speaking(caller, frame.sender)
        report = read_report(frame, person, bounds_of(presence), depth=self._depth)
        await check_log(self._feeds, caller, frame.conversation)
        return RenewalView.of(report.device, presence.report(frame.conversation, report))

    async def _caller(self, client: SocketState, right: Right, conversation: str) -> Principal:
        """Who sends, as it is in the conversation now. Raises what the guard raises."""
        check_conversation_id(conversation)
        return await self._access.authorize(client.principal, right, conversation)

    def _present(self) -> Presence:
        if self._presence is None:
            raise NotFound("This service has no presence: install the extra `presence`.", code="presence_not_installed")
        return self._presence


def _sent(sent: SentEntry) -> msgspec.Raw:
    """The answer of the HTTP route, around the entry that was encoded once for every reader."""
    end = f',"cursor":"{sent.cursor}","created":{"true" if sent.created else "false"}}}'
    return msgspec.Raw(b'{"entry":' + sent.entry.json + end.encode())


__all__ = ["EDGE", "FrameHandler", "SocketState"]
