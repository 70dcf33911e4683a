"""The ETag of a poll: another one whenever anything of the answer could be another."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.cursor import Cursor
from umbral_chat_polling.etag import etag, knows_signals, matches

asks = st.fixed_dictionaries(
    {
        "subject": st.text(max_size=8),
        "after": st.builds(Cursor, st.sampled_from([None, "e" * 10, "f" * 10]), st.integers(0, 30)),
        "limit": st.integers(1, 30),
        "strategy": st.sampled_from(["cursor", "snapshot"]),
        "epoch": st.sampled_from([None, "e" * 10, "f" * 10]),
        "head": st.integers(0, 30),
        "redaction": st.integers(0, 30),
        "mode": st.sampled_from(["off", "local", "polling", "live"]),
        "version": st.integers(0, 30),
    }
)


@given(asks, asks)
def test_two_are_equal_only_when_everything_is(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (etag(**one) == etag(**other)) == (one == other)


@given(asks, st.data())
def test_each_thing_alone_makes_it_another(ask: dict[str, Any], data: st.DataObject) -> None:
    other = data.draw(asks)
    name = data.draw(st.sampled_from(sorted(ask)))
    changed = ask | {name: other[name]}
    assert (etag(**ask) == etag(**changed)) == (ask[name] == other[name])


@given(asks)
def test_it_is_a_weak_tag_that_fits_a_header_and_tells_no_subject(ask: dict[str, Any]) -> None:
    tag = etag(**ask | {"subject": "visitor-№7\ud800\n"})
    assert re.fullmatch(rb'W/"[A-Za-z0-9.-]{1,120}"', tag)
    assert b"visitor" not in tag


BASE: dict[str, Any] = {
    "subject": "s",
    "after": Cursor("e" * 10, 1),
    "limit": 10,
    "strategy": "cursor",
    "epoch": "e" * 10,
    "head": 1,
    "redaction": 0,
    "mode": "polling",
    "version": 0xABC,
}


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        (None, False),
        ("", False),
        ("*", False),
        ('W/"other"', False),
        (etag(**BASE).decode(), True),
        (f'W/"other", {etag(**BASE).decode()}', True),
        (etag(**BASE).decode().replace("-1", "-11", 1), False),
    ],
)
def test_a_header_names_it_alone_or_among_others(sent: str | None, known: bool) -> None:
    assert matches(sent, etag(**BASE)) is known


def test_the_tag_of_the_answer_before_still_tells_which_signals_are_known() -> None:
    before = etag(**BASE).decode()
    assert knows_signals(before, "polling", 0xABC)
    assert not knows_signals(before, "polling", 0xABD)
    assert not knows_signals(before, "polling", 0xBC)
    assert not knows_signals(before, "live", 0xABC)
    assert knows_signals(None, "live", 1), "who sends none asks for none"
