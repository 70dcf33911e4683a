"""Which entries a filter is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.entries import Changes, Edit, Entry, Message, Redaction, Run, Sender, Update
from umbral_chat_subscriptions.filters import METADATA_CHARACTERS, METADATA_KEYS, Filter

AT = datetime(2026, 1, 1, tzinfo=UTC)
VISITOR, BOT = Sender("user"), Sender("assistant")

LOG: list[Entry] = [
    Message(seq=1, at=AT, sender=VISITOR, message_id="a", content="Hello"),
    Message(seq=2, at=AT, sender=BOT, message_id="b", content="Hi"),
    Edit(seq=3, at=AT, sender=BOT, message_id="b", content="Hello!"),
    Redaction(seq=4, at=AT, sender=VISITOR, message_id="a"),
    Update(seq=5, at=AT, sender=Sender("system"), changes=Changes(title="T")),
    Run(seq=6, at=AT, sender=BOT, run_id="r", outcome="failed"),
]


def seqs(chosen: Filter) -> list[int]:
    return [entry.seq for entry in chosen.select(LOG)]


def test_kinds_and_roles() -> None:
    assert seqs(Filter()) == [1, 2, 3, 4, 5, 6]
    assert seqs(Filter(kinds=["message"])) == [1, 2]
    assert seqs(Filter(kinds=["edit", "redaction", "run"])) == [3, 4, 6]
    assert seqs(Filter(roles=["user"])) == [1, 4]
    assert seqs(Filter(kinds=["message"], roles=["assistant"])) == [2]
    assert seqs(Filter(kinds=["update"], roles=["user"])) == []


def test_a_prefix() -> None:
    assert Filter().wants_conversation("any")
    assert Filter(prefix="order-").wants_conversation("order-1")
    assert not Filter(prefix="order-").wants_conversation("internal:order-1")


@pytest.mark.parametrize(
    ("wanted", "found", "matches"),
    [
        ({"tier": "gold"}, {"tier": "gold", "more": 1}, True),
        ({"tier": "gold"}, {"tier": "silver"}, False),
        ({"tier": "gold"}, {}, False),
        ({"tier": "gold"}, None, False),
        ({"n": 1}, {"n": 1.0}, True),
        ({"n": 1}, {"n": True}, False),
        ({"n": True}, {"n": 1}, False),
        ({"n": False}, {"n": False}, True),
        ({"n": 1}, {"n": "1"}, False),
        ({"n": None}, {}, True),
        ({"n": None}, {"n": None}, True),
        ({"n": None}, {"n": 0}, False),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, True),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        ({"a": "x"}, {"a": ["x"]}, False),
    ],
)
def test_metadata(wanted: dict[str, Any], found: dict[str, Any] | None, matches: bool) -> None:
    assert Filter(metadata=wanted).matches_metadata(found) is matches


BAD: dict[str, dict[str, Any]] = {
    "filter.prefix": {"prefix": "with space"},
    "filter.kinds": {"kinds": []},
    "filter.roles": {"roles": ["user", "user"]},
    "filter.metadata": {"metadata": {}},
}


@pytest.mark.parametrize(("field", "given_filter"), BAD.items())
def test_what_names_nothing_is_refused(field: str, given_filter: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        msgspec.convert(given_filter, Filter).check()
    assert (caught.value.code, caught.value.field) == ("invalid_field", field)


def test_its_metadata_is_bounded() -> None:
    Filter(metadata={str(n): "x" * METADATA_CHARACTERS for n in range(METADATA_KEYS)}).check()
    over: list[dict[str, Any]] = [
        {str(n): n for n in range(METADATA_KEYS + 1)},
        {"k": "x" * (METADATA_CHARACTERS + 1)},
        {"x" * (METADATA_CHARACTERS + 1): 1},
        {"k": "a\0b"},
    ]
    for metadata in over:
        with pytest.raises(InvalidRequest):
            Filter(metadata=metadata).check()


kinds = st.lists(st.sampled_from(["message", "edit", "redaction", "update", "run"]), min_size=1, unique=True)
roles = st.lists(st.sampled_from(["user", "assistant", "agent", "system"]), min_size=1, unique=True)


@given(st.none() | kinds, st.none() | roles)
def test_a_narrower_filter_selects_a_part_in_order(some_kinds: Any, some_roles: Any) -> None:
    both = seqs(Filter(kinds=some_kinds, roles=some_roles))
    assert both == [seq for seq in seqs(Filter(kinds=some_kinds)) if seq in seqs(Filter(roles=some_roles))]


@given(st.none() | st.from_regex(r"[a-z-]{1,9}", fullmatch=True), st.none() | kinds, st.none() | roles)
def test_it_is_stored_as_it_was_given(prefix: Any, some_kinds: Any, some_roles: Any) -> None:
    chosen = Filter(prefix=prefix, kinds=some_kinds, roles=some_roles, metadata={"a": 1, "b": None})
    chosen.check()
    assert msgspec.json.decode(msgspec.json.encode(chosen), type=Filter) == chosen
