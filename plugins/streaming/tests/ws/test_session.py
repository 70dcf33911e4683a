"""What a socket may say when: no text raises, and bounds hold whatever is said."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import Conflict, NotFound, TooManyRequests
from umbral_chat_streaming.ws import frames
from umbral_chat_streaming.ws.session import FAILURES, FrameError, Session

from tests.any_json import ANY_JSON


def session(subscriptions: int = 3) -> Session:
    return Session(subscriptions=subscriptions, depth=8)


FRAMES: list[tuple[dict[str, Any], type[msgspec.Struct]]] = [
    ({"type": "renew", "id": "1", "token": "t"}, frames.RenewFrame),
    ({"type": "subscribe", "id": "1", "conversation": "c"}, frames.SubscribeFrame),
    ({"type": "subscribe", "id": "1", "conversation": "c", "after": None}, frames.SubscribeFrame),
    ({"type": "unsubscribe", "id": "1", "conversation": "c"}, frames.UnsubscribeFrame),
    ({"type": "send", "id": "1", "conversation": "c", "content": "x", "metadata": {"type": "a"}}, frames.SendFrame),
    ({"type": "edit", "id": "1", "conversation": "c", "message_id": "m", "content": "x"}, frames.EditFrame),
    ({"type": "redact", "id": "1", "conversation": "c", "message_id": "m"}, frames.RedactFrame),
    ({"type": "typing", "conversation": "c"}, frames.TypingFrame),
    ({"type": "presence", "conversation": "c", "status": "away"}, frames.PresenceFrame),
    ({"type": "read", "conversation": "c", "seq": 3}, frames.ReadFrame),
    ({"type": "ping"}, frames.PingFrame),
    ({"id": "é" * 64, "type": "ping"}, frames.PingFrame),
]


@pytest.mark.parametrize(("frame", "kind"), FRAMES)
def test_every_frame_is_read(frame: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    found = session().read(json.dumps(frame))
    assert type(found) is kind
    for name, value in frame.items():
        if name != "type":
            assert getattr(found, name) == value


@pytest.mark.parametrize(
    ("text", "id", "code"),
    [
        ("", None, "invalid_frame"),
        ("{", None, "invalid_frame"),
        ("null", None, "invalid_frame"),
        ("[]", None, "invalid_frame"),
        ("{}", None, "invalid_frame"),
        ('{"type":3}', None, "invalid_frame"),
        ('{"type":"ping","id":3}', None, "invalid_frame"),
        ('{"type":"ping","id":""}', None, "invalid_frame"),
        (json.dumps({"type": "ping", "id": "x" * 65}), None, "invalid_frame"),
        ('{"type":"noise","id":"7"}', "7", "unknown_type"),
        ('{"type":"ready","id":"7"}', "7", "unknown_type"),
        ('{"type":"subscribe","id":"7"}', "7", "missing_field"),
        ('{"type":"subscribe","conversation":"c"}', None, "missing_field"),
        ('{"type":"ping","id":"7","more":1}', "7", "unknown_field"),
        ('{"type":"read","id":"7","conversation":"c","seq":-1}', "7", "invalid_field"),
        ('{"type":"auth","token":"t"}', None, "already_authenticated"),
        ('{"type":"send","id":"7","conversation":"c","metadata":' + "[" * 9 + "]" * 9 + "}", None, "too_deep"),
        ("[" * 100_000, None, "too_deep"),
        ('{"type":"ping","id":"\ud800"}', None, "invalid_frame"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_code(text: str, id: str | None, code: str) -> None:  # noqa: A002
    found = session().read(text)
    assert isinstance(found, FrameError)
    assert (found.id, found.error.code) == (id, code)


@given(
    st.one_of(
        st.text(),
        st.builds(json.dumps, ANY_JSON),
        st.builds(
            lambda x: json.dumps({"type": "send", **x}),
            st.dictionaries(st.sampled_from(["id", "conversation", "content", "token"]), ANY_JSON),
        ),
    )
)
def test_no_text_raises(text: str) -> None:
    one = session()
    found = one.read(text)
    assert isinstance(found, msgspec.Struct | FrameError)
    one = session()
    assert (one.first(text) is None) == (one.ended is not None)


def test_a_socket_that_says_nothing_sensible_is_ended_and_one_good_frame_forgives() -> None:
    one = session()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            one.read("?")
        assert one.ended is None
        one.read('{"type":"ping"}')
    for _ in range(FAILURES):
        one.read('{"type":"noise"}')
    assert one.ended is not None
    assert (one.ended.code, one.ended.reconnect) == ("invalid_frame", "never")


def test_the_first_frame_is_auth() -> None:
    for text in ("?", '{"type":"ping"}', '{"type":"auth","tokn":"secret"}', '{"type":"auth","token":3}'):
        one = session()
        assert one.first(text) is None
        assert one.ended is not None
        assert (one.ended.code, one.ended.reconnect) == ("unauthorized", "renew")
        assert "secret" not in repr(one.ended)
    found = session().first('{"type":"auth","token":"secret"}')
    assert found is not None
    assert found.token == "secret"
    assert "secret" not in repr(found)
    assert "secret" not in repr(frames.RenewFrame(id="1", token="secret"))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef"))))
def test_places_for_subscriptions_are_as_many_as_are_held(steps: list[tuple[bool, str]]) -> None:
    one, held = session(3), set[str]()
    for take, name in steps:
        try:
            if take:
                one.reserve(name)
                assert name not in held
                held.add(name)
            else:
                one.release(name)
                held.remove(name)
        except Conflict:
            assert name in held
        except NotFound:
            assert name not in held
        except TooManyRequests:
            assert len(held) == 3
        assert one.conversations == held
