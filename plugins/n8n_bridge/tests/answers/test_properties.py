"""Answers of any form: where the bytes are cut changes nothing, nothing raises, and everything is bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_n8n_bridge.answers import reader, segments
from umbral_chat_n8n_bridge.answers.events import Event, Piece

from .reading import ending, events_of, line, messages, stream

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NODES = st.sampled_from(["a", "b", "c"])
LINES = st.one_of(
    st.builds(line, st.sampled_from(["begin", "end", "error", "keepalive", "new"]), st.none() | TEXTS, NODES),
    st.builds(lambda text, node: line("item", text, node), TEXTS, NODES),
    st.just({"type": "item", "content": "bare"}),
    st.sampled_from([b"", b"text", b"{broken", b"[1]", b"\xff\xfe", b'{"type":"item","content":"\\ud800"}']),
)
BODIES = st.one_of(
    st.lists(LINES, max_size=12).map(lambda lines: stream(*lines)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    ).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
)


def joined(events: list[Event]) -> list[Event]:
    """With neighbouring pieces of one message as one."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, Piece) and isinstance(last, Piece) and last.segment == event.segment:
            found[-1] = Piece(event.segment, last.text + event.text)
        else:
            found.append(event)
    return found


@given(
    body=BODIES,
    status=st.sampled_from([200, 200, 200, 404, 500]),
    cuts=st.lists(st.integers(0, 600), max_size=8),
    lost=st.booleans(),
)
def test_where_the_bytes_are_cut_changes_nothing(body: bytes, status: int, cuts: list[int], lost: bool) -> None:
    expected = events_of(body, status=status, lost=lost)
    found = events_of(body, status=status, cuts=[cut for cut in cuts if cut <= len(body)], lost=lost)
    assert joined(found) == joined(expected)
    messages(found)
    ending(found)


@given(texts=st.lists(st.text("ab \n", max_size=30), max_size=6), limit=st.integers(1, 7))
def test_long_messages_go_on_in_further_ones(texts: list[str], limit: int) -> None:
    body = stream(line("begin"), *(line("item", text) for text in texts), line("end"))
    found = messages(events_of(body, limit=limit))
    whole = "".join(texts)
    assert all(len(text) <= limit for text, _ in found)
    assert "".join("".join(text for text, _ in found).split()) == "".join(whole.split())


def test_a_loop_of_nodes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENTS", 3)
    body = stream(*(one for run in range(9) for one in (line("begin"), line("item", f"{run}"), line("end"))))
    assert [text for text, _ in messages(events_of(body))] == ["0", "1", "2"]


def test_groups_that_never_end_are_bounded() -> None:
    body = stream(*(line("item", str(node), node=str(node)) for node in range(30)))
    found = messages(events_of(body))
    assert len(found) == segments.OPEN
    assert sorted("".join(text for text, _ in found)) == sorted("".join(map(str, range(30))))


@pytest.mark.parametrize("first", [b"", stream(line("begin"), line("item", "x"))])
def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    monkeypatch.setattr(reader, "BODY_LIMIT", 2_000)
    monkeypatch.setattr(reader, "LINE_LIMIT", 500)
    events = events_of(first + b"y" * 4_000, cuts=range(0, 4_000, 100))
    assert ending(events)[:2] == ("unknown", "answer_too_large")
