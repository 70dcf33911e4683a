"""One WebSocket to n8n for one execution with Chat nodes: the shell around `FrameReader`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlencode

from umbral_chat.errors import SettingsError
from umbral_chat.transport_kit.certificates import trusted_certificates
from umbral_chat.transport_kit.proxies import proxy_for
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from umbral_chat_n8n_bridge.answers.chat_frames import ChatFrame, FrameReader, HeartbeatFrame, RejectedFrame

if TYPE_CHECKING:
    from umbral_chat.http_kit.outbound import CallUrl

OPEN_TIMEOUT = 20.0
"""Seconds for the connection and the handshake."""

CLOSE_TIMEOUT = 2.0
"""Seconds that n8n has to close its side: one that is gone never does."""

FRAME_LIMIT = 512 * 1024
"""Largest frame, in bytes: a message of 32,000 characters in any script, with buttons, several times over."""

UNREAD = 32
"""Frames that wait to be logged. Beyond them n8n has to wait, and with it its heartbeats."""

SILENCE = 90.0
"""Seconds without any frame after which the socket counts as lost. n8n sends a heartbeat every 30."""

UNTIL_CANCELLED = 150.0
"""Seconds until n8n has surely cancelled the execution of a client that acknowledges nothing: it looks every 30 s for
those that were silent for 60."""

_log = logging.getLogger(f"{__name__}.websocket")
# The library's debug lines contain the requested address, and the execution's token is in it.
_log.setLevel(logging.INFO)


class SocketEnd(NamedTuple):
    """Why there is no socket any more: `over`: n8n closed it, which is what it does when the execution has succeeded;
    `rejected`: the execution is not there; `lost`: it ended without a word, as it does when the execution has failed,
    and when n8n or the network is down; `refused`: no connection was made."""

    why: Literal["over", "rejected", "lost", "refused"]


class ChatSocket:
    """Acknowledges the heartbeats in a task of its own, so that the execution lives on while a message is logged."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._frames: asyncio.Queue[ChatFrame | SocketEnd] = asyncio.Queue(UNREAD)
        self._end: SocketEnd | None = None
        self._task = asyncio.create_task(self._read(), name="n8n: socket")

    @property
    def unread(self) -> bool:
        """Whether there is a frame that has not been returned yet."""
        return not self._frames.empty()

    async def next(self, timeout: float) -> ChatFrame | SocketEnd | None:
        """The next frame; a SocketEnd behind the last one, each time; None: none within `timeout` seconds. Nothing is
        lost where this is cancelled."""
        if self._end is not None and self._frames.empty():
            return self._end
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout)):
                found = await self._frames.get()
                if isinstance(found, SocketEnd):
                    self._end = found
                return found
        return None

    async def send(self, data: str) -> bool:
        """Send a frame; False: the socket is over, and it is not known whether n8n got the frame."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._connection.send(data)
        except (ConnectionClosed, TimeoutError):
            return False
        return True

    async def fall_silent(self) -> None:
        """Acknowledge nothing more, until n8n has cancelled the execution for that, at most `UNTIL_CANCELLED` seconds.
        What it says meanwhile is not kept."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(UNTIL_CANCELLED):
                while True:
                    await self._connection.recv()

    async def close(self) -> None:
        """Close it with a handshake, after which the execution waits on. It takes `CLOSE_TIMEOUT` at most, twice."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        try:
            with contextlib.suppress(TimeoutError, WebSocketException, OSError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._connection.close()
        finally:
            self._connection.transport.abort()

    async def _read(self) -> None:
        reader, end = FrameReader(), SocketEnd("lost")
        try:
            while True:
                async with asyncio.timeout(SILENCE):
                    frame = reader.read(await self._connection.recv())
                match frame:
                    case HeartbeatFrame(ack):
                        await self._connection.send(ack)
                    case RejectedFrame():
                        end = SocketEnd("rejected")
                        break
                    case None:
                        pass
                    case _:
                        await self._frames.put(frame)
        except ConnectionClosed:
            if self._connection.close_code in {1000, 1005}:
                end = SocketEnd("over")
            elif self._connection.close_code == 1008:
                end = SocketEnd("rejected")
        except TimeoutError:
            pass
        await self._frames.put(end)


def socket_url(webhook: CallUrl, session: str, execution_id: str, token: str | None) -> str:
    """The address of the socket: n8n takes it at the origin of its webhooks, at `/chat`."""
    query = {"sessionId": session, "executionId": execution_id, "isPublic": "true"}
    query |= {} if token is None else {"token": token}
    scheme = "wss" if webhook.scheme == "https" else "ws"
    return f"{scheme}://{webhook.authority}/chat?{urlencode(query)}"


async def open_socket(url: str) -> ChatSocket | SocketEnd:
    """The socket, or why there is none."""
    try:
        connection = await connect(
            url,
            proxy=proxy_for(url),
            ssl=await asyncio.to_thread(trusted_certificates) if url.startswith("wss:") else None,
            logger=_log,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            ping_interval=None,  # n8n's own heartbeats say more: they are answered by n8n, a ping perhaps by a proxy
            compression=None,
            max_size=FRAME_LIMIT,
        )
    except InvalidStatus as error:
        return SocketEnd("rejected" if 400 <= error.response.status_code < 500 else "refused")
    except (OSError, TimeoutError, WebSocketException, EOFError, ValueError, SettingsError):
        return SocketEnd("refused")
    return ChatSocket(connection)


__all__ = ["SILENCE", "ChatSocket", "SocketEnd", "open_socket", "socket_url"]
