"""The logic of one socket, without I/O: which frames it may send when, and how many conversations it may follow."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

import msgspec
from umbral_chat.errors import Conflict, InvalidRequest, NotFound, RequestError, TooManyRequests
from umbral_chat.http_kit.decoding import decode_error
from umbral_chat.model.depth import check_depth

from umbral_chat_streaming.status import Closed
from umbral_chat_streaming.ws.codes import ending
from umbral_chat_streaming.ws.frames import CLIENT_FRAMES, ID_CHARACTERS, AuthFrame, Command

FAILURES: Final = 10
"""Frames in a row that could not be read before the socket is closed: such a client is broken, and does not learn."""


class FrameError(NamedTuple):
    """A frame that was not understood; `id` is its own, where it could be read."""

    id: str | None
    error: RequestError


class _Head(msgspec.Struct, frozen=True):
    """What is read of a frame before its type is known."""

    type: msgspec.Raw = msgspec.Raw(b"null")
    id: msgspec.Raw = msgspec.Raw(b"null")


_head = msgspec.json.Decoder(_Head)
_text = msgspec.json.Decoder(str)
_decoders = {str(kind.__struct_config__.tag): msgspec.json.Decoder(kind) for kind in CLIENT_FRAMES}


class Session:
    """What one socket has said, and may say next. `depth` bounds the nesting of its frames."""

    __slots__ = ("_depth", "_failures", "_most", "authenticated", "conversations", "ended")

    def __init__(self, *, subscriptions: int, depth: int) -> None:
        self.authenticated = False
        """Set by the caller once it has checked the first frame."""
        self.ended: Closed | None = None
        """Set when nothing more is to be read."""
        self.conversations: set[str] = set()
        """Followed, or about to be."""
        self._most = subscriptions
        self._depth = depth
        self._failures = 0

    def first(self, text: str) -> AuthFrame | None:
        """The first frame, if it is `auth`; None: `ended` says why nothing else is read."""
        frame = self._decode(text)
        if isinstance(frame, AuthFrame):
            return frame
        detail = frame.error.detail if isinstance(frame, FrameError) else "It is of another type."
        self.ended = ending("unauthorized", f"The first frame has to be `auth`. {detail}")
        return None

    def read(self, text: str) -> Command | FrameError:
        """A later frame. After too many in a row that could not be read `ended` is set, too."""
        frame = self._decode(text)
        if isinstance(frame, AuthFrame):
            error = Conflict("This socket is authenticated: `renew` takes a newer token.", code="already_authenticated")
            return FrameError(None, error)
        if not isinstance(frame, FrameError):
            self._failures = 0
            return cast("Command", frame)
        self._failures += 1
        if self._failures >= FAILURES:
            self.ended = ending("invalid_frame", f"{FAILURES} frames in a row could not be read.")
        return frame

    def reserve(self, conversation: str) -> None:
        """Take a place for a subscription. Raises Conflict (`already_subscribed`) and TooManyRequests
        (`too_many_subscriptions`)."""
        if conversation in self.conversations:
            raise Conflict(
                "This socket follows the conversation already: unsubscribe first, to follow it from elsewhere.",
                code="already_subscribed",
                field="conversation",
            )
        if len(self.conversations) >= self._most:
            raise TooManyRequests(
                f"A socket follows at most {self._most} conversations at once (streaming.subscriptions).",
                code="too_many_subscriptions",
                limit=self._most,
            )
        self.conversations.add(conversation)

    def release(self, conversation: str) -> None:
        """Give the place back. Raises NotFound (`not_subscribed`)."""
        if conversation not in self.conversations:
            raise NotFound("This socket does not follow the conversation.", code="not_subscribed", field="conversation")
        self.conversations.remove(conversation)

    def _decode(self, text: str) -> msgspec.Struct | FrameError:
        found: str | None = None
        try:
            raw = text.encode()
            check_depth(raw, self._depth)
            try:
                head = _head.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise _unreadable("it is no JSON object") from None
            found = _id(head.id)
            decoder = _decoders.get(_type(head.type))
            if decoder is None:
                raise InvalidRequest(
                    f"There is no frame of this type; there are: {', '.join(_decoders)}.",
                    code="unknown_type",
                    field="type",
                )
            try:
                frame: msgspec.Struct = decoder.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise decode_error(error, raw) from None
        except UnicodeEncodeError:
            return FrameError(None, _unreadable("it has a lone surrogate"))
        except RequestError as error:
            return FrameError(found, error)
        return frame


def _type(raw: msgspec.Raw) -> str:
    try:
        return _text.decode(raw)
    except msgspec.DecodeError:
        raise _unreadable("`type` is no text") from None


def _id(raw: msgspec.Raw) -> str | None:
    if bytes(raw) == b"null":
        return None
    try:
        text = _text.decode(raw)
    except msgspec.DecodeError:
        text = ""
    if not 1 <= len(text) <= ID_CHARACTERS:
        raise InvalidRequest(
            f"`id` is a text of 1 to {ID_CHARACTERS} characters.", code="invalid_frame", field="id", limit=ID_CHARACTERS
        )
    return text


def _unreadable(why: str) -> InvalidRequest:
    return InvalidRequest(f"The frame cannot be read: {why}.", code="invalid_frame")


__all__ = ["FAILURES", "FrameError", "Session"]
