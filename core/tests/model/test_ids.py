"""Ids: what may stand in a path and a topic as it is, and a way there and back for everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.ids import ID_LIMIT, decode_id, encode_id, is_id
from umbral_chat.testing.history.naming import MESSAGES, ROOMS

PCHAR = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@")
"""RFC 3986: unreserved, sub-delims, `:` and `@`."""


def test_an_id_is_made_of_what_a_path_segment_may_hold() -> None:
    assert {character for code in range(0x250) if is_id(f"a{(character := chr(code))}")} == PCHAR
    assert is_id("a" * ID_LIMIT)
    assert not is_id("a" * (ID_LIMIT + 1))
    assert not is_id("")
    assert not is_id("a\n")


@pytest.mark.parametrize("value", [".", "..", ".;", "..;", "..;x=1", ".;/"])
def test_what_resolves_away_inside_a_path_is_no_id(value: str) -> None:
    assert not is_id(value)
    assert decode_id(encode_id(value)) == value


@pytest.mark.parametrize("value", ["...", ".a", "..a", "a..", ";..", "a;.."])
def test_dots_elsewhere_are_characters_like_others(value: str) -> None:
    assert is_id(value)


@pytest.mark.parametrize("value", ROOMS + MESSAGES)
def test_a_platforms_id_stays_as_it_is_but_for_what_may_not_stand(value: str) -> None:
    found = encode_id(value)
    assert is_id(found)
    assert decode_id(found) == value
    assert (found == value) == is_id(value)


@given(st.text(min_size=1, max_size=30).filter(lambda value: len(value.encode()) <= ID_LIMIT // 3))
def test_there_and_back_is_the_same(value: str) -> None:
    found = encode_id(value)
    assert is_id(found)
    assert decode_id(found) == value


@given(st.text(alphabet="~0127EFaf/.;%", max_size=12))
def test_no_two_texts_share_an_id(value: str) -> None:
    try:
        found = decode_id(value)
    except InvalidRequest:
        return
    assert encode_id(found) == value


@pytest.mark.parametrize("value", ["", "~", "~2", "~2f", "~41", "~FF", "~C3", "a/b", "ä", "~~", "~D8~00"])
def test_what_was_never_encoded_is_not_decoded(value: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_id(value)


@pytest.mark.parametrize("value", ["", "a" * 129, "/" * 43, "a\ud800"])
def test_what_has_no_id_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest):
        encode_id(value)
