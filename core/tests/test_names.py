"""Display names are one visible line, whoever sets them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.display_names import clean_name
from umbral_chat.model.entries import Member, Sender
from umbral_chat.model.validation import check_members, check_sender


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("Ada", "Ada"),
        ("Support\nTeam", "Support Team"),
        ("Ada\r\n[agent] Grace: pay here", "Ada [agent] Grace: pay here"),
        ("A\u2028B\u2029C\x85D\x0bE\x0cF\x1cG\tH\0I", "A B C D E F G H I"),
        ("\u202egro.live\u202c", "gro.live"),
        ("\u2066Ada\u2069\u200e\u200f\u061c", "Ada"),
        ("Sup\u200bport\ufeff \u2060Te\u00adam", "Support Team"),
        ("Sup\u200dport\u200c", "Support"),
        ("Ada\x1b[31m", "Ada [31m"),
        ("Ada" + " " * 80 + "Grace", "Ada Grace"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀 Zoë", "👩\u200d🚀 Zoë"),
        ("José Ñ. 李小龍", "José Ñ. 李小龍"),
        ("\u3164", ""),
        ("\u200b\u2800\u034f", ""),
        ("Sup\ufe00port\U000e0100 \ufe0fTeam", "Support Team"),
        ("Sup\u180bport\u2065\ufff0", "Support"),
        ("❤\ufe0f 1\ufe0f\u20e3 葛\U000e0100", "❤\ufe0f 1\ufe0f\u20e3 葛\U000e0100"),
        ("ᠠ\u180b", "ᠠ\u180b"),
        ("\ufe0f", ""),
        ("\u0301\u20dd", ""),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(given: str, clean: str) -> None:
    assert clean_name(given) == clean


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_given(name: str) -> None:
    clean = clean_name(name)
    assert clean_name(clean) == clean
    assert len(clean.splitlines()) <= 1
    assert not any(unicodedata.category(one) in {"Cc", "Zl", "Zp"} for one in clean)
    assert not any(unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"} for one in clean)
    assert clean == clean.strip()


def test_senders_and_members_hold_to_it() -> None:
    sender = check_sender(Sender(role="user", id="a", name="Support\n\u202eTeam"))
    assert sender == Sender(role="user", id="a", name="Support Team")
    same = Sender(role="user", id="a", name="Ada")
    assert check_sender(same) is same
    members = check_members([Member(subject="a", name="Sup\u200bport"), Member(subject="b")])
    assert members == [Member(subject="a", name="Support"), Member(subject="b")]


def test_a_name_without_anything_to_see_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"sender\.name"):
        check_sender(Sender(role="user", name="\u200b"))
    with pytest.raises(InvalidRequest) as raised:
        check_members([Member(subject="a", name="\n")])
    assert (raised.value.code, raised.value.field) == ("invalid_field", "members[0].name")
