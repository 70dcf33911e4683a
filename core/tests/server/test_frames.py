"""A WebSocket's frames: whatever pieces they arrive in, the messages are those that were sent."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.server.frames import CONTROL_FRAMES, CONTROL_SECONDS, Frames
from websockets.frames import Frame, Opcode

TEXT = st.text(max_size=40)
MESSAGES = st.lists(st.one_of(TEXT, st.binary(max_size=40)), max_size=12)


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


@given(messages=MESSAGES, data=st.data())
def test_messages_arrive_whole_and_in_order(messages: list[str | bytes], data: st.DataObject) -> None:
    sent = b""
    for message in messages:
        opcode, payload = (Opcode.TEXT, message.encode()) if isinstance(message, str) else (Opcode.BINARY, message)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(payload)), max_size=4)))
        pieces = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for number, piece in enumerate(pieces):
            sent += masked(opcode if number == 0 else Opcode.CONT, piece, fin=number == len(pieces) - 1)
            if data.draw(st.booleans()):
                sent += masked(Opcode.PING, b"?")  # control frames may come between fragments
    frames, found = Frames(4_096), list[str | bytes]()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        found += frames.feed(sent[a:b], 0.0)
    assert found == messages
    assert not frames.failed
    assert not frames.partial


@given(st.binary(max_size=400))
def test_no_bytes_raise_and_what_failed_reads_nothing_more(data: bytes) -> None:
    frames = Frames(100)
    frames.feed(data, 0.0)
    assert frames.failed <= (frames.failure[0] in {1002, 1006, 1007, 1008, 1009})
    if frames.failed:
        assert frames.output()
        assert frames.feed(masked(Opcode.TEXT, b"late"), 0.0) == []


def test_control_frames_are_counted_in_a_window() -> None:
    frames = Frames(100)
    for window in range(3):
        frames.feed(masked(Opcode.PING, b"") * CONTROL_FRAMES, window * CONTROL_SECONDS)
        assert not frames.failed
    frames.feed(masked(Opcode.PONG, b""), 2 * CONTROL_SECONDS + 1)
    assert frames.failed


def test_what_frames_hold_is_in_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        frames = Frames(100)
        frames.feed(masked(Opcode.TEXT, b"a secret"), 0.0)
        frames.send_close(4401, "renew")
    assert caplog.text == ""
