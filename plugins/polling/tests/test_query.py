"""What a poll may ask for, and what is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.cursor import START, Cursor
from umbral_chat_polling.query import Query, query_parser

parse = query_parser(100)


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        (b"", Query(START, 100, 0)),
        (b"after=0", Query(START, 100, 0)),
        (b"after=", Query(START, 100, 0)),
        (b"after=aaaaaaaaaa.7&limit=1&wait=25", Query(Cursor("aaaaaaaaaa", 7), 1, 25)),
        (b"presence=0&signals=x5Tf&device=tab", Query(START, 100, 0, "0", "x5Tf", "tab")),
        (b"wait=0.5&limit=100", Query(START, 100, 0.5)),
        (b"wait=999999999", Query(START, 100, 999_999_999)),
    ],
)
def test_what_may_be_asked(raw: bytes, query: Query) -> None:
    assert parse(raw) == query
    assert parse(raw) == query, "the second time, from memory"


@pytest.mark.parametrize(
    ("raw", "code", "field", "limit"),
    [
        (b"after=7", "invalid_cursor", "after", None),
        (b"after=aaaaaaaaaa.-1", "invalid_cursor", "after", None),
        (b"after=nonsense", "invalid_cursor", "after", None),
        (b"limit=0", "invalid_field", "limit", 1),
        (b"limit=-5", "invalid_field", "limit", 1),
        (b"limit=101", "invalid_field", "limit", 100),
        (b"limit=ten", "invalid_field", "limit", None),
        (b"wait=-1", "invalid_field", "wait", 0),
        (b"wait=nan", "invalid_field", "wait", None),
        (b"wait=inf", "invalid_field", "wait", None),
        (b"wait=1e9", "invalid_field", "wait", None),
        (b"wait=", "invalid_field", "wait", None),
        (b"wait=%D9%A3", "invalid_field", "wait", None),
        (b"wait=1\xff", "invalid_encoding", None, None),
        (b"signals=", "invalid_field", "signals", 64),
        (b"waits=1", "unknown_parameter", "waits", None),
        (b"after=0&after=0", "duplicate_parameter", "after", None),
    ],
)
def test_what_is_refused_by_name(raw: bytes, code: str, field: str | None, limit: int | None) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequest) as refused:
            parse(raw)
        assert (refused.value.code, refused.value.field, refused.value.limit) == (code, field, limit)


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_read_or_refused(raw: bytes) -> None:
    try:
        query = parse(raw)
    except InvalidRequest:
        return
    assert 1 <= query.limit <= 100
    assert query.wait >= 0
