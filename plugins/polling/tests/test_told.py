"""The version of what an answer tells of drafts and typing: another exactly when that is another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.drafts import DraftView
from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import PersonTyping
from umbral_chat_polling.told import Told

drafts = st.builds(DraftView, st.text(max_size=3), st.just(0), st.text(max_size=3), st.just(Sender("assistant")))
typists = st.builds(PersonTyping, person=st.text(max_size=3), role=st.sampled_from(["user", "agent"]))
told = st.builds(Told.of, st.lists(drafts, max_size=2), st.lists(typists, max_size=2))


@given(told, told)
def test_it_is_another_exactly_when_that_is_another(one: Told, other: Told) -> None:
    assert (one.version == other.version) == (one == other)


@given(told)
def test_it_fits_into_a_query_as_it_is(one: Told) -> None:
    assert one.version.replace("-", "").replace("_", "").isalnum()
    assert len(one.version) == 12
