"""How deep JSON is nested, told from its bytes as a parser would tell it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.depth import (
    STORED_DEPTH,
    check_depth,
    decode_bounded,
    decode_stored,
    is_deeper,
    value_is_deeper,
)

# Strings of what could be taken for structure, so that a scan that looks into them goes wrong.
_WORDS = st.text(alphabet='[]{}"\\,:x', max_size=6)
_VALUES = st.recursive(
    _WORDS | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=20,
)


def nested(levels: int, *, inside: bytes = b"") -> bytes:
    """`levels` lists in each other."""
    return b"[" * levels + inside + b"]" * levels


def levels(value: Any) -> int:
    """What is right, the slow way."""
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


@given(_VALUES, st.integers(1, 6), st.sampled_from([None, 1]))
def test_the_bytes_tell_what_a_parser_tells(value: Any, depth: int, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    deep = levels(value) > depth
    assert is_deeper(text, depth) == deep
    assert is_deeper(text.encode() + b" " * 5000, depth) == deep  # long ones are looked at in another way
    assert value_is_deeper(value, depth) == deep


@pytest.mark.parametrize("count", [65, 1_000, 100_000])
@pytest.mark.parametrize("tail", [True, False])
def test_brackets_without_end(count: int, tail: bool) -> None:
    assert is_deeper(nested(count) if tail else b"[" * count, 32)
    assert is_deeper((b'{"a":' * count) + (b"1" + b"}" * count if tail else b""), 32)


@given(st.binary(max_size=400), st.binary(max_size=8), st.integers(0, 300))
def test_what_is_taken_never_costs_a_decoder_the_stack(text: bytes, piece: bytes, times: int) -> None:
    text += piece * times
    if not is_deeper(text, 32):
        # A decoder that goes deeper than twice the depth leaves this many levels and no more.
        try:
            msgspec.json.decode(b"[" * 800 + text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # RecursionError is neither


def test_the_error_names_the_member_and_the_limit() -> None:
    body = b'{"content": "[[[[", "metadata": {"a": ' + nested(40) + b"}}"
    with pytest.raises(InvalidRequest) as caught:
        check_depth(body, 32)
    assert (caught.value.code, caught.value.field, caught.value.limit) == ("too_deep", "metadata", 32)
    with pytest.raises(InvalidRequest) as caught:
        check_depth(nested(33), 32)
    assert caught.value.field == "body"
    check_depth(nested(32), 32)


@pytest.mark.parametrize("depth", [1, STORED_DEPTH, STORED_DEPTH + 1, 500, 965, 5_000])
def test_what_was_stored_is_written_out_as_it_was(depth: int) -> None:
    text = (
        b'{"title":"deep-0","flat":[1,"]"],"a":'
        + nested(depth - 1, inside=b'"[\\"]"')
        + b',"b":{"c":'
        + nested(depth)
        + b"}}"
    )
    for given_as in (text, text.decode()):
        found = decode_stored(msgspec.json.Decoder(dict[str, Any]), given_as)
        assert found["flat"] == [1, "]"]
        assert not value_is_deeper(found, STORED_DEPTH)
        assert msgspec.json.encode(found) == text


def test_what_others_write_is_bounded() -> None:
    decoder = msgspec.json.Decoder()
    assert decode_bounded(decoder, nested(STORED_DEPTH))
    for text in (nested(STORED_DEPTH + 1), msgspec.Raw(nested(5_000))):
        with pytest.raises(msgspec.DecodeError):
            decode_bounded(decoder, text)
