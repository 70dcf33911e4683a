"""A double of n8n's executions with Chat nodes and of the WebSocket that drives them, by `facts` captured from 2.41: a
message is sent when a socket is there, and again to a new one while it waits for the user; what the user writes while
it does not wait is dropped; a success closes the socket, and a failure drops it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qs, urlsplit

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol


class Peer:
    """The socket of one client."""

    def __init__(self, protocol: ServerProtocol, writer: asyncio.StreamWriter) -> None:
        self._protocol, self._writer = protocol, writer

    def send(self, text: str) -> None:
        self._protocol.send_text(text.encode())
        self.flush()

    def flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)

    def close(self, code: int | None = None) -> None:
        """A closing handshake; without a code as n8n does."""
        self._protocol.send_close(*(() if code is None else (code,)))
        self.flush()

    def drop(self) -> None:
        """The connection ends without a word."""
        self._writer.transport.abort()


class ExecutionDouble:
    """One execution."""

    def __init__(self, execution_id: str, session: str) -> None:
        self.id, self.session, self.token = execution_id, session, f"token-{execution_id}"
        self.status = "running"
        self.answers: list[str] = []
        self.files: list[list[dict[str, str]]] = []
        """Those of each answer."""
        self.dropped: list[str] = []
        self.acknowledged = 0
        self.sockets = 0
        self.peer: Peer | None = None
        self._attached = asyncio.Event()
        self.pending: str | None = None
        """The question that waits."""
        self._answered: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, talk: Callable[[ExecutionDouble], Awaitable[None]]) -> None:
        self._task = asyncio.ensure_future(self._run(talk))

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def say(self, text: str) -> None:
        """A Chat node that does not wait."""
        await self._attached.wait()
        assert self.peer is not None
        self.peer.send(text)
        self.peer.send("n8n|continue")

    async def ask(self, text: str) -> str:
        """A Chat node that waits: what the user answered, or `clicked`."""
        self.pending, self.status = text, "waiting"
        self._answered = asyncio.get_running_loop().create_future()
        if self.peer is not None:
            self.peer.send(text)
        answer = await self._answered
        self.pending, self.status = None, "running"
        return answer

    def click(self) -> None:
        """A button is clicked, or the question's time is over."""
        assert self._answered is not None
        self._answered.set_result("clicked")
        self.status = "running"
        if self.peer is not None:
            self.peer.send("n8n|continue")

    def attach(self, peer: Peer) -> None:
        self.sockets += 1
        if self.peer is not None:
            self.peer.drop()
        self.peer = peer
        peer.send("n8n|heartbeat")
        if self.status == "success":
            peer.close()
        elif self.status in {"error", "canceled"}:
            peer.drop()
        elif self.pending is not None:
            peer.send(self.pending)
        self._attached.set()

    def detach(self, peer: Peer) -> None:
        if self.peer is peer:
            self.peer = None
            self._attached.clear()

    def receive(self, text: str) -> None:
        if text == "n8n|heartbeat-ack":
            self.acknowledged += 1
            return
        said = json.loads(text)
        assert (said["action"], said["sessionId"]) == ("sendMessage", self.session)
        if self.status != "waiting" or self._answered is None or self._answered.done():
            self.dropped.append(said["chatInput"])
            return
        self.answers.append(said["chatInput"])
        self.files.append(said["files"])
        self._answered.set_result(said["chatInput"])

    async def _run(self, talk: Callable[[ExecutionDouble], Awaitable[None]]) -> None:
        try:
            await talk(self)
        except RuntimeError:
            self.status = "error"
            if self.peer is not None:
                self.peer.drop()
        else:
            self.status = "success"
            if self.peer is not None:
                self.peer.close()


async def serve_socket(
    head: bytes,
    path: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    executions: Sequence[ExecutionDouble],
) -> None:
    """One socket of a client, from its handshake to its end."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    protocol = ServerProtocol()
    peer = Peer(protocol, writer)
    protocol.receive_data(head)
    (request,) = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    peer.flush()
    execution = next((one for one in executions if one.id == query["executionId"]), None)
    if execution is None or query["token"] != execution.token or query["sessionId"] != execution.session:
        peer.send("Connection rejected")
        peer.close(1008)
        execution = None
    else:
        execution.attach(peer)
    try:
        while data := await reader.read(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if execution is not None and getattr(event, "opcode", None) is Opcode.TEXT:
                    execution.receive(bytes(event.data).decode())  # type: ignore[union-attr]
            peer.flush()
            if protocol.close_expected():
                break
    except ConnectionError:
        pass
    finally:
        if execution is not None:
            execution.detach(peer)
        writer.close()


__all__ = ["ExecutionDouble", "Peer", "serve_socket"]
