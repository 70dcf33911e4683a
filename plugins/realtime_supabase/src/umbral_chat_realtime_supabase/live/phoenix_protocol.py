"""One socket's worth of protocol: joins, heartbeats, what is heard, and when it is over. Pure: no I/O and no clock.

The shell hands in what arrived and what time it is, sends `outgoing`, and looks at `heard` and `lost`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

import msgspec

from umbral_chat_realtime_supabase.live import frames
from umbral_chat_realtime_supabase.live.frames import PHOENIX, PREFIX, Frame
from umbral_chat_realtime_supabase.live.disconnection import Lost, of_words

JOIN_TIMEOUT = 9.0
"""Seconds: the server waits 5 s before it says why a join is refused (CHANNEL_ERROR_BACKOFF_MS), and its reason is
worth more than a time-out."""

JOINS_AT_ONCE = 3
"""Each join costs the server a connection of its small pool for authorization (IncreaseConnectionPool)."""

READY_PATIENCE = 3.0
"""Seconds that a server gets to say that the database's broadcasts are ready. Older ones never say it; the probe tells
then."""


class Heard(NamedTuple):
    """A broadcast. `payload` is its undecoded JSON."""

    topic: str
    event: str
    payload: msgspec.Raw


class Link:
    """See the module. `joined`: every topic is; `ready`: and the database's broadcasts were said to come, or the server
    is none that says so. Times are monotonic seconds.
    """

    def __init__(self, topics: Sequence[str], *, token: str | None, heartbeat: float, now: float) -> None:
        self.outgoing: deque[str] = deque()
        self.heard: deque[Heard] = deque()
        self.lost: Lost | None = None
        self._token = token
        self._heartbeat = heartbeat
        self._refs = count(1)
        self._waiting = deque(topics)
        self._joining: dict[str, tuple[str, float]] = {}
        """Topic → its join's ref, and when that must be answered."""
        self._joined: dict[str, str] = {}
        self._size = len(topics)
        self._announced = False
        self._joined_at: float | None = None
        self._last_heard = now
        self._next_heartbeat = now + heartbeat
        self._join_more(now)

    @property
    def joined(self) -> bool:
        """Whether every topic is joined."""
        return self.lost is None and len(self._joined) == self._size

    def ready(self, now: float) -> bool:
        """Whether a probe makes sense: every topic is joined, and the server says that the database's broadcasts come,
        or has said nothing for some seconds."""
        waited = self._joined_at is not None and now - self._joined_at >= READY_PATIENCE
        return self.joined and (self._announced or waited)

    def take(self, data: str | bytes, now: float) -> None:
        """Something arrived."""
        self._last_heard = now
        try:
            frame = frames.read(data)
            if frame.topic != PHOENIX:
                self._take(frame, now)
        except msgspec.DecodeError:
            return  # not of a form that we know: the server may say more than we ask for

    def tick(self, now: float) -> None:
        """Time went on."""
        if self.lost is not None:
            return
        for topic, (_, until) in self._joining.items():
            if now >= until:
                self._lose(Lost("silent", f"joining {topic} was not answered within {JOIN_TIMEOUT:g} s"))
                return
        if now - self._last_heard >= 2 * self._heartbeat:
            self._lose(Lost("silent", f"nothing was heard for {2 * self._heartbeat:g} s, heartbeats were not answered"))
        elif now >= self._next_heartbeat:
            self.beat(now)

    @property
    def heard_at(self) -> float:
        """When anything last came, in monotonic seconds."""
        return self._last_heard

    def beat(self, now: float) -> None:
        """Send a heartbeat now: its answer shows that the socket is well."""
        if self.lost is None:
            self._next_heartbeat = now + self._heartbeat
            self.outgoing.append(frames.heartbeat(self._ref()))

    def say(self, topic: str, event: str, payload: object) -> bool:
        """Broadcast on a joined topic; whether it will go out."""
        join_ref = self._joined.get(topic)
        if join_ref is None or self.lost is not None:
            return False
        self.outgoing.append(frames.say(topic, event, payload, self._ref(), join_ref))
        return True

    def end(self, lost: Lost) -> None:
        """It is over, as the shell found. The first reason counts."""
        self._lose(lost)

    def _take(self, frame: Frame, now: float) -> None:
        topic = frame.topic.removeprefix(PREFIX)
        match frame.event:
            case "broadcast" if topic in self._joined:
                told = frames.broadcast_of(frame)
                self.heard.append(Heard(topic, told.event, told.payload))
            case "phx_reply":
                self._replied(topic, frame, now)
            case "system":
                self._system(topic, frame)
            case "phx_close" | "phx_error" if topic in self._joined or topic in self._joining:
                words = "closed" if frame.event == "phx_close" else "its process crashed"
                self._lose(Lost("closed", f"the channel {topic} ended: {words}"))

    def _replied(self, topic: str, frame: Frame, now: float) -> None:
        join = self._joining.get(topic)
        if join is None or frame.ref != join[0]:
            return
        reply = frames.reply_of(frame)
        if reply.status != "ok":
            found = of_words(reply.reason, otherwise="closed")
            self._lose(Lost(found.kind, f"joining {topic} was refused: {found.reason}"))
            return
        del self._joining[topic]
        self._joined[topic] = join[0]
        if self.joined:
            self._joined_at = now
        self._join_more(now)

    def _system(self, topic: str, frame: Frame) -> None:
        said = frames.system_of(frame)
        if said.extension != "system":
            return
        if said.status == "ok":
            # The other message that is "ok" announces that the server disconnects everybody: it does so by itself.
            self._announced = self._announced or "replication" in str(said.message).lower()
        elif said.status == "error":
            found = of_words(str(said.message), otherwise="closed")
            self._lose(Lost(found.kind, f"the channel {topic} ended: {found.reason}"))

    def _join_more(self, now: float) -> None:
        while self._waiting and len(self._joining) < JOINS_AT_ONCE:
            topic, ref = self._waiting.popleft(), self._ref()
            self._joining[topic] = (ref, now + JOIN_TIMEOUT)
            self.outgoing.append(frames.join(topic, ref, self._token))

    def _lose(self, lost: Lost) -> None:
        # A channel that ends takes the link with it: one way to recover, which always works, beats several.
        self.lost = self.lost or lost

    def _ref(self) -> str:
        return str(next(self._refs))


__all__ = ["JOINS_AT_ONCE", "JOIN_TIMEOUT", "READY_PATIENCE", "Heard", "Link"]
