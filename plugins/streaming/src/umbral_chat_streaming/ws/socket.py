"""One socket: its first frame, the frames after it one after another, its subscriptions, and its end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
from umbral_chat.errors import Conflict, Forbidden, RequestError
from umbral_chat.http_kit.raw_writer import RawWriter, raw_writer
from umbral_chat.http_kit.websocket import check_keyless, session_credential

from umbral_chat_streaming.hub import Opening, Subscription
from umbral_chat_streaming.status import Closed, closed_by
from umbral_chat_streaming.ws import encoding
from umbral_chat_streaming.ws.codes import NOT_TEXT, SOCKET_WIDE, TOO_LONG, close_code, ending, ending_by
from umbral_chat_streaming.ws.encoding import FORMAT, SocketFormat
from umbral_chat_streaming.ws.frames import ReadyFrame, SocketLimits
from umbral_chat_streaming.ws.session import FrameError, Session
from umbral_chat_streaming.ws.writer import PortableWriter

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send
    from umbral_chat.context import Services
    from umbral_chat.providers.auth import Principal

    from umbral_chat_streaming.settings import Streaming
    from umbral_chat_streaming.ws.handler import FrameHandler

AUTH_TIMEOUT = 5.0
"""Seconds for the first frame: a client has its token before it connects."""

PING_MS = 25_000
"""Milliseconds between two pings of our server, and for a client that must notice by itself that it is cut off: half a
minute of silence is what the strictest networks cut."""

CLOSE_TIMEOUT = 5.0
"""Seconds for what was written before to leave, under a server that is written to through a queue."""

Start = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
"""Runs a coroutine in a task that is watched."""


class SocketSink:
    """A subscription's share in a socket (`Sink`)."""

    __slots__ = ("_conversation", "_socket")

    def __init__(self, socket: Socket, conversation: str) -> None:
        self._socket = socket
        self._conversation = conversation

    @property
    def format(self) -> SocketFormat:
        """See Sink."""
        return FORMAT

    def write(self, frame: bytes) -> bool:
        """See Sink."""
        return self._socket.writer.write(frame)

    async def drained(self) -> None:
        """See Sink. That the client reads nothing is found by the server, which then cuts it off."""
        if not await self._socket.writer.drained():
            raise ConnectionResetError("The client has left.")

    def close(self, status: Closed) -> None:
        """See Sink."""
        self._socket.ended(self._conversation, status)


class Socket:
    """A client's WebSocket, after it was accepted. `run` returns when it has ended."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        services: Services,
        settings: Streaming,
        handler: FrameHandler,
        start: Start,
    ) -> None:
        core = services.base.settings.core
        self._scope = scope
        self._receive = receive
        self._send = send
        self._services = services
        self._settings = settings
        self._handler = handler
        self._start = start
        self._frame_bytes = core.limits.body_bytes
        self.session = Session(subscriptions=settings.subscriptions, depth=core.limits.depth)
        own = raw_writer(scope)
        self._portable = PortableWriter(send, write_timeout=core.limits.write_timeout) if own is None else None
        self.writer: RawWriter = own or cast("RawWriter", self._portable)
        self._principal: Principal | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._closed = False
        self._sending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lives_until = float("inf")

    @property
    def principal(self) -> Principal:
        """Who the client is, once it is authenticated."""
        return cast("Principal", self._principal)

    async def run(self) -> None:
        """Serve the socket until it ends, by either side."""
        if self._portable is not None:
            self._sending = self._start(self._portable.run(), "frames of a socket")
        permit = None
        try:
            if not await self._authenticate():
                return
            try:
                permit = self._services.feeds.permit(self.principal)
            except RequestError as error:
                self.finish(ending_by(error))
                return
            self._begin()
            while (text := await self._next()) is not None:
                await self._handle(text)
        finally:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            for subscription in list(self._subscriptions.values()):
                subscription.end()
            if permit is not None:
                permit.close()
            if self._portable is not None:
                self._portable.close()
            if self._closing is not None:
                await self._closing  # its own close frame leaves before the server's

    # the first frame

    async def _authenticate(self) -> bool:
        try:
            async with asyncio.timeout(AUTH_TIMEOUT):
                text = await self._next()
                if text is None:
                    return False
                frame = self.session.first(text)
                if frame is None:
                    self.finish(cast("Closed", self.session.ended))
                    return False
                self._principal = await self._recognize(frame.token)
        except TimeoutError:
            self.finish(ending("auth_timeout", f"No `auth` frame came within {AUTH_TIMEOUT:g} s."))
            return False
        except RequestError as error:
            self.finish(ending_by(error))
            return False
        self.session.authenticated = True
        return True

    async def _recognize(self, token: str | None) -> Principal:
        """Whose token it is; without one, the operator whose session came with the handshake."""
        access = self._services.access
        if token is None and (credential := session_credential(self._scope)) is not None:
            return await access.authenticate_session(credential)
        if token is None:
            check_keyless(self._scope)
        return await access.authenticate(token)

    def _begin(self) -> None:
        if not self._services.toggle.state.enabled:
            self.finish(ending("realtime_off", "Realtime is switched off: poll."))
            return
        lifetime = self._settings.connection_lifetime * random.uniform(9 / 11, 1)  # noqa: S311 - spreads load
        self._lives_until = asyncio.get_running_loop().time() + lifetime
        self._plan()
        ready = ReadyFrame(
            server_time=self._services.base.clock.now(),
            expires_at=self.expires_at,
            ping_ms=PING_MS,
            limits=SocketLimits(subscriptions=self._settings.subscriptions, frame_bytes=self._frame_bytes),
            realtime=True,
        )
        self.writer.write(encoding.frame(ready))

    @property
    def expires_at(self) -> datetime | None:
        """When the credentials expire; None: never."""
        at = self.principal.expires_at
        return None if at is None else datetime.fromtimestamp(at, UTC)

    # frames

    async def _next(self) -> str | None:
        """The next text; None: the socket has ended."""
        while not self._closed:
            message: Any = await self._receive()
            if message["type"] == "websocket.disconnect" or self._closed:
                return None
            if message["type"] != "websocket.receive":
                continue
            text: str | None = message.get("text")
            if text is None:
                self._close(NOT_TEXT, "frames are text")
            elif len(text) > self._frame_bytes:  # our own server has refused it before
                self._close(TOO_LONG, f"a frame has at most {self._frame_bytes} bytes")
            else:
                return text
        return None

    async def _handle(self, text: str) -> None:
        frame = self.session.read(text)
        if isinstance(frame, FrameError):
            self.writer.write(encoding.error(*frame))
            if self.session.ended is not None:
                self.finish(self.session.ended)
        else:
            try:
                self._services.access.count(self.principal)
                answer = await self._handler.carry_out(self, frame)
            except RequestError as error:
                self.writer.write(encoding.error(frame.id, error))
            else:
                if answer is not None:
                    self.writer.write(answer)
        if not self.writer.writable:
            # What a client does not read of its answers is not added to: its next frame waits.
            await self.writer.drained()

    # subscriptions

    def follow(self, frame_id: str, conversation: str, opening: Opening) -> None:
        """Answer the frame that subscribes, and start the subscription."""
        if self._closed:
            opening.close()
            return
        value = {"cursor": str(opening.cursor), "head": opening.head}
        self.writer.write(encoding.result(frame_id, value))
        subscription = opening.start(SocketSink(self, conversation))
        if not subscription.ended:
            self._subscriptions[conversation] = subscription

    def unfollow(self, conversation: str) -> None:
        """The client ends a subscription. Raises NotFound (`not_subscribed`)."""
        self.session.release(conversation)
        subscription = self._subscriptions.pop(conversation, None)
        if subscription is not None:
            subscription.end()

    def ended(self, conversation: str, status: Closed) -> None:
        """The service ended a subscription."""
        self._subscriptions.pop(conversation, None)
        self.session.conversations.discard(conversation)
        if status.code in SOCKET_WIDE:
            self.finish(status)
        else:
            self.writer.write(FORMAT.status(conversation, msgspec.json.encode(status)))

    async def renew(self, principal: Principal) -> None:
        """Go on with newer credentials of the same subject. Raises Forbidden (`other_subject`), and Conflict
        (`older_token`) for those that expire sooner."""
        old = self.principal
        if principal.author != old.author or principal.conversation != old.conversation:
            raise Forbidden("The token is for another subject or conversation.", code="other_subject", field="token")
        if principal.expires_at is not None and (old.expires_at is None or principal.expires_at < old.expires_at):
            raise Conflict("The token expires before the one in use.", code="older_token", field="token")
        self._principal = principal
        self._plan()
        for conversation, subscription in list(self._subscriptions.items()):
            try:
                subscription.principal = await self._services.access.authorize(principal, "read", conversation)
            except RequestError as error:
                subscription.finish(closed_by(error))

    # the end

    def _plan(self) -> None:
        """Be called when the credentials expire, or the connection has lived long enough."""
        loop = asyncio.get_running_loop()
        at = self._lives_until
        if self.principal.expires_at is not None:
            at = min(at, loop.time() + self.principal.expires_at - self._services.base.clock.now().timestamp())
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(at, self._expire)

    def _expire(self) -> None:
        expires = self.principal.expires_at
        if expires is not None and self._services.base.clock.now().timestamp() >= expires:
            self.finish(ending("token_expired", "The credentials have expired: renew them."))
        elif asyncio.get_running_loop().time() >= self._lives_until:
            self.finish(ending("rebalance", "The connection was open long enough: come back."))
        else:
            self._plan()

    def finish(self, status: Closed) -> None:
        """End the socket by the service's decision, with this last status. A second time nothing happens."""
        if self._closed:
            return
        self.writer.write(encoding.frame({"type": "status", "status": status}))
        self._close(close_code(status), status.code)

    def _close(self, code: int, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        for subscription in list(self._subscriptions.values()):
            subscription.end()
        self._subscriptions.clear()
        if self._portable is not None:
            self._portable.close()
        self._closing = self._start(self._send_close(code, reason), "close of a socket")

    async def _send_close(self, code: int, reason: str) -> None:
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=CLOSE_TIMEOUT)
        message: Any = {"type": "websocket.close", "code": code, "reason": reason}
        with suppress(OSError):  # as servers raise it for a client that is gone
            await self._send(message)


__all__ = ["AUTH_TIMEOUT", "PING_MS", "Socket", "SocketSink"]
