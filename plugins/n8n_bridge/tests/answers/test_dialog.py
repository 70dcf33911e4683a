"""What an execution with Chat nodes says, over one socket and over several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_n8n_bridge.answers.chat_frames import (
    ACK,
    ChatFrame,
    ContinueFrame,
    FailedFrame,
    FrameReader,
    HeartbeatFrame,
    MessageFrame,
    RejectedFrame,
    answer_frame,
)
from umbral_chat_n8n_bridge.answers.dialog import GRACE, ChatDialog
from umbral_chat_n8n_bridge.answers.events import Event, Piece

from .test_buttons import message


def read(*frames: str | bytes) -> list[ChatFrame | None]:
    reader = FrameReader()
    return [reader.read(frame) for frame in frames]


def test_the_captured_frames() -> None:
    assert read("n8n|heartbeat", "First message (no wait)", "n8n|continue", b"What is your name?", message()) == [
        HeartbeatFrame(ACK),
        MessageFrame("First message (no wait)"),
        ContinueFrame(),
        MessageFrame("What is your name?"),
        MessageFrame(message()),
    ]
    assert read("Connection rejected") == [RejectedFrame()]
    assert answer_frame("s1", "Ada") == ('{"sessionId":"s1","action":"sendMessage","chatInput":"Ada","files":[]}')


def test_the_second_dialect() -> None:
    first = '{"type":"heartbeat"}'
    found = read(
        first, '{"type":"message","text":"hi"}', '{"type":"continue"}', '{"type":"error","message":"x"}', "{}", "no"
    )
    assert found == [
        HeartbeatFrame('{"type":"heartbeat-ack"}'),
        MessageFrame("hi"),
        ContinueFrame(),
        FailedFrame(),
        None,
        None,
    ]


@given(text=st.text())
def test_a_workflow_cannot_change_the_dialect(text: str) -> None:
    said = f'{{"type":"message","text":{text!r}'
    assert read("n8n|heartbeat", '{"type":"heartbeat"}', said) == [
        HeartbeatFrame(ACK),
        MessageFrame('{"type":"heartbeat"}'),
        MessageFrame(said),
    ]


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Piece)]


def test_it_waits_when_nothing_follows_a_message() -> None:
    dialog = ChatDialog(1000)
    dialog.attached()
    assert texts(dialog.receive(MessageFrame("one"), 0.0)) == ["one"]
    assert dialog.pause(0.0) == GRACE
    dialog.receive(ContinueFrame(), 0.1)
    assert not dialog.waits(100.0)
    assert dialog.pause(0.1) is None
    assert texts(dialog.receive(MessageFrame("Your name?"), 3.0)) == ["Your name?"]
    assert not dialog.waits(3.0)
    assert dialog.waits(3.0 + GRACE)
    dialog.answer()
    assert not dialog.waits(100.0)


def test_buttons_that_block_the_input_do_so_until_the_next_message() -> None:
    dialog = ChatDialog(1000)
    dialog.receive(MessageFrame(message()), 0.0)
    assert dialog.blocked
    dialog.receive(MessageFrame("thanks"), 5.0)
    assert not dialog.blocked


@pytest.mark.parametrize("answered", [False, True])
def test_what_n8n_repeats_to_a_new_socket_is_written_once_unless_it_was_answered(answered: bool) -> None:
    dialog = ChatDialog(1000)
    dialog.receive(MessageFrame("Your name?"), 0.0)
    if answered:
        dialog.answer()
    other = ChatDialog(1000, written=dialog.written, last=dialog.last, answered=dialog.answered)
    other.attached()
    assert texts(other.receive(MessageFrame("Your name?"), 9.0)) == (["Your name?"] if answered else [])
    assert other.waits(9.0 + GRACE), "it waits for the user either way"


STEPS = st.lists(st.tuples(st.sampled_from(["say", "ask"]), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=8)


@given(steps=STEPS, losses=st.sets(st.integers(0, 20)))
def test_each_message_is_written_once_and_no_answer_is_sent_before_it_is_waited_for(
    steps: list[tuple[str, str]], losses: set[int]
) -> None:
    """Sockets are lost between frames, and the instance with them: what it stored is all that is left."""
    written: list[str] = []
    dialog = ChatDialog(1000)
    dialog.attached()
    now, moment = 0.0, 0

    def frame(one: ChatFrame) -> None:
        written.extend(texts(dialog.receive(one, now)))

    for kind, text in steps:
        now += 3.0
        frame(MessageFrame(text))
        if kind == "say":
            frame(ContinueFrame())
            assert not dialog.waits(now + 100)
            continue
        while moment in losses:
            moment += 1
            dialog = ChatDialog(1000, written=dialog.written, last=dialog.last, answered=dialog.answered)
            dialog.attached()
            assert not dialog.waits(now)
            frame(MessageFrame(text))
        moment += 1
        now += GRACE
        assert dialog.waits(now)
        dialog.answer()
        assert not dialog.waits(now + 100)
    assert written == [text for _, text in steps]
    assert dialog.written == len(steps)
