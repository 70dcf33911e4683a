"""The Phoenix protocol on one socket: joins, heartbeats, broadcasts, and its end. Pure: no I/O and no clock.

The shell passes in the frames that arrive and the time, sends `outgoing`, and reads `broadcasts` and `disconnection`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

import msgspec

from umbral_chat_realtime_supabase.live import frames
from umbral_chat_realtime_supabase.live.disconnection import Disconnection, from_server_message
from umbral_chat_realtime_supabase.live.frames import PHOENIX, PREFIX, Frame

JOIN_TIMEOUT = 9.0
"""Seconds: the server waits 5 s before it replies why a join is refused (CHANNEL_ERROR_BACKOFF_MS), and its reason is
worth more than a time-out."""

CONCURRENT_JOINS = 3
"""Joins that wait for their reply at once: each costs the server a connection of its small pool for authorization
(IncreaseConnectionPool)."""

READY_TIMEOUT = 3.0
"""Seconds to wait for the server's message that the database's broadcasts are ready. Older servers never send it; the
probe finds out then."""


class Broadcast(NamedTuple):
    """A broadcast on a joined topic. `payload` is its undecoded JSON."""

    topic: str
    event: str
    payload: msgspec.Raw


class PhoenixProtocol:
    """The state of one socket, see the module. Times are monotonic seconds."""

    def __init__(self, topics: Sequence[str], *, token: str | None, heartbeat: float, now: float) -> None:
        self.outgoing: deque[str] = deque()
        """Frames to be sent, in order."""
        self.broadcasts: deque[Broadcast] = deque()
        """Broadcasts received, in order, for the shell to take."""
        self.disconnection: Disconnection | None = None
        """Why the connection is over; None while it is not."""
        self._token = token
        self._heartbeat = heartbeat
        self._refs = count(1)
        self._waiting = deque(topics)
        self._joining: dict[str, tuple[str, float]] = {}
        """Topic → its join's ref, and when the reply is due."""
        self._joined: dict[str, str] = {}
        self._size = len(topics)
        self._announced = False
        self._joined_at: float | None = None
        self.last_received_at = now
        """When the last frame was received."""
        self._next_heartbeat = now + heartbeat
        self._join_more(now)

    @property
    def joined(self) -> bool:
        """Whether every topic is joined."""
        return self.disconnection is None and len(self._joined) == self._size

    def ready(self, now: float) -> bool:
        """Whether a probe makes sense: every topic is joined, and the server reports that the database's broadcasts are
        ready, or has reported nothing for READY_TIMEOUT."""
        waited = self._joined_at is not None and now - self._joined_at >= READY_TIMEOUT
        return self.joined and (self._announced or waited)

    def receive(self, data: str | bytes, now: float) -> None:
        """Process a frame that arrived. One that is not of a known form is ignored."""
        self.last_received_at = now
        try:
            frame = frames.read(data)
            if frame.topic != PHOENIX:
                self._dispatch(frame, now)
        except msgspec.DecodeError:
            return  # the server may send more than is asked for

    def tick(self, now: float) -> None:
        """Process the time: send a heartbeat that is due, and disconnect when a reply or every frame is overdue."""
        if self.disconnection is not None:
            return
        for topic, (_, until) in self._joining.items():
            if now >= until:
                self.disconnect(Disconnection("silent", f"joining {topic} was not answered within {JOIN_TIMEOUT:g} s"))
                return
        if now - self.last_received_at >= 2 * self._heartbeat:
            self.disconnect(
                Disconnection(
                    "silent", f"nothing was received for {2 * self._heartbeat:g} s, heartbeats were not answered"
                )
            )
        elif now >= self._next_heartbeat:
            self.send_heartbeat(now)

    def send_heartbeat(self, now: float) -> None:
        """Queue a heartbeat now: its reply shows that the socket works."""
        if self.disconnection is None:
            self._next_heartbeat = now + self._heartbeat
            self.outgoing.append(frames.heartbeat(self._ref()))

    def broadcast(self, topic: str, event: str, payload: object) -> bool:
        """Queue a broadcast on a joined topic. False: the topic is not joined, or the socket is disconnected."""
        join_ref = self._joined.get(topic)
        if join_ref is None or self.disconnection is not None:
            return False
        self.outgoing.append(frames.broadcast(topic, event, payload, self._ref(), join_ref))
        return True

    def disconnect(self, disconnection: Disconnection) -> None:
        """End the connection. Only the first reason is kept."""
        # A channel that ends takes the link with it: one way to recover, which always works, beats several.
        self.disconnection = self.disconnection or disconnection

    def _dispatch(self, frame: Frame, now: float) -> None:
        topic = frame.topic.removeprefix(PREFIX)
        match frame.event:
            case "broadcast" if topic in self._joined:
                payload = frames.broadcast_of(frame)
                self.broadcasts.append(Broadcast(topic, payload.event, payload.payload))
            case "phx_reply":
                self._on_reply(topic, frame, now)
            case "system":
                self._on_system(topic, frame)
            case "phx_close" | "phx_error" if topic in self._joined or topic in self._joining:
                how = "closed" if frame.event == "phx_close" else "its process crashed"
                self.disconnect(Disconnection("closed", f"the channel {topic} ended: {how}"))

    def _on_reply(self, topic: str, frame: Frame, now: float) -> None:
        join = self._joining.get(topic)
        if join is None or frame.ref != join[0]:
            return
        reply = frames.reply_of(frame)
        if reply.status != "ok":
            found = from_server_message(reply.reason, otherwise="closed")
            self.disconnect(Disconnection(found.kind, f"joining {topic} was refused: {found.reason}"))
            return
        del self._joining[topic]
        self._joined[topic] = join[0]
        if self.joined:
            self._joined_at = now
        self._join_more(now)

    def _on_system(self, topic: str, frame: Frame) -> None:
        message = frames.system_of(frame)
        if message.extension != "system":
            return
        if message.status == "ok":
            # The other message that is "ok" announces that the server is about to disconnect every client.
            self._announced = self._announced or "replication" in str(message.message).lower()
        elif message.status == "error":
            found = from_server_message(str(message.message), otherwise="closed")
            self.disconnect(Disconnection(found.kind, f"the channel {topic} ended: {found.reason}"))

    def _join_more(self, now: float) -> None:
        while self._waiting and len(self._joining) < CONCURRENT_JOINS:
            topic, ref = self._waiting.popleft(), self._ref()
            self._joining[topic] = (ref, now + JOIN_TIMEOUT)
            self.outgoing.append(frames.join(topic, ref, self._token))

    def _ref(self) -> str:
        return str(next(self._refs))


__all__ = ["CONCURRENT_JOINS", "JOIN_TIMEOUT", "READY_TIMEOUT", "Broadcast", "PhoenixProtocol"]
