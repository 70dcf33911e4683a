"""The version of an answer's drafts and typing: it changes exactly when they do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.drafts import DraftView
from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import PersonTyping
from umbral_chat_polling.answer import SignalsSnapshot

drafts = st.builds(DraftView, st.text(max_size=3), st.just(0), st.text(max_size=3), st.just(Sender("assistant")))
typists = st.builds(PersonTyping, person=st.text(max_size=3), role=st.sampled_from(["user", "agent"]))
snapshots = st.builds(SignalsSnapshot.encode, st.lists(drafts, max_size=2), st.lists(typists, max_size=2))


@given(snapshots, snapshots)
def test_it_differs_exactly_when_they_differ(one: SignalsSnapshot, other: SignalsSnapshot) -> None:
    assert (one.version == other.version) == (one == other)


@given(snapshots)
def test_it_fits_into_a_query_as_it_is(one: SignalsSnapshot) -> None:
    assert one.version.replace("-", "").replace("_", "").isalnum()
    assert len(one.version) == 12
