"""A dialog with an execution that has Chat nodes: what it says becomes messages, and whether it waits for the user.

Pure: frames and the time in, events out. n8n does not say that it waits; it does when nothing follows a message at
once: for an execution that goes on, `n8n|continue` is sent together with the message. What the user writes while it
does not wait is dropped by n8n without a word, so that is to be known.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from umbral_chat_n8n_bridge.answers.buttons import said_message
from umbral_chat_n8n_bridge.answers.chat_frames import ChatFrame, ContinueFrame, FailedFrame, MessageFrame
from umbral_chat_n8n_bridge.answers.events import Event, LineError
from umbral_chat_n8n_bridge.answers.segments import Segments

GRACE = 1.0
"""Seconds after a message in which `n8n|continue` comes if the execution goes on. n8n sends both in one step."""


class ChatDialog:
    """What an execution said, over all sockets that it had. `written` messages were written of it before, the last of
    which has the digest `last`; `answered`: the user has answered that one."""

    def __init__(self, limit: int, *, written: int = 0, last: str | None = None, answered: bool = False) -> None:
        """`limit`: characters of a message."""
        self._segments = Segments(limit, written)
        self._attached = False
        self._quiet_since: float | None = None
        self.last = last
        self.answered = answered
        self.blocked = False
        """The execution takes a click of one of its buttons, and no text."""
        self.failed = False
        """It has reported an error."""

    @property
    def written(self) -> int:
        """Messages so far."""
        return self._segments.begun

    def attached(self) -> None:
        """It has a new socket, over which n8n repeats the message whose answer it waits for."""
        self._attached, self._quiet_since = True, None

    def receive(self, frame: ChatFrame, now: float) -> list[Event]:
        """The events of a frame; `now`: seconds."""
        match frame:
            case MessageFrame(text):
                return list(self._said(text, now))
            case ContinueFrame():
                self._quiet_since = None
            case FailedFrame():
                self.failed = True
                return [LineError()]
            case _:
                pass
        return []

    def repeats(self, frame: object) -> bool:
        """Whether a frame is the question that was written already, and the user has not answered."""
        return (
            isinstance(frame, MessageFrame)
            and self._attached
            and not self.answered
            and _digest(frame.text) == self.last
        )

    def waits(self, now: float) -> bool:
        """Whether the execution waits for the user."""
        return self._quiet_since is not None and now - self._quiet_since >= GRACE

    def pause(self, now: float) -> float | None:
        """Seconds until `waits` may become true by itself; None: it does not."""
        return None if self._quiet_since is None else max(0.0, self._quiet_since + GRACE - now)

    def answer(self) -> None:
        """The user's answer is sent."""
        self.answered, self._quiet_since, self.blocked, self._attached = True, None, False, False

    def _said(self, text: str, now: float) -> Iterator[Event]:
        # After an answer the same message is another one: the answer was lost, or the question is asked again, and
        # either way the user is to answer.
        repeated = self.repeats(MessageFrame(text))
        self._attached, self._quiet_since = False, now
        self.blocked = said_message(text).blocked
        if repeated:
            return
        self.last, self.answered = _digest(text), False
        yield from self._segments.begin(None)
        yield from self._segments.add(None, text)
        yield from self._segments.end(None)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


__all__ = ["GRACE", "ChatDialog"]
