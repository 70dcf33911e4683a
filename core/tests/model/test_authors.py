"""Subjects of different kinds never meet, and what was stored before kinds counted is whose it surely was."""

from __future__ import annotations

from itertools import product
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.auth.local import LOCAL
from umbral_chat.model.authors import Kind, author, former, owns_former
from umbral_chat.model.entries import Sender
from umbral_chat.model.writes import WriteMessage
from umbral_chat.providers.auth import Principal

UUID = "8d7d7a4c-3d0e-4b3a-9c55-3f2b8f9f1b11"

subjects = st.one_of(st.text(max_size=20), st.sampled_from(["local", "key:n8n", "token:x", "user:x", "n8n", UUID, ""]))


def principal(kind: Kind, subject: str) -> Principal:
    return Principal(kind=kind, subject=subject, rights=frozenset())


@given(
    first=st.sampled_from(["token", "user", "key"]), second=st.sampled_from(["token", "user", "key"]),
    one=subjects, other=subjects,
)  # fmt: skip
def test_no_two_principals_are_one_author(first: Kind, second: Kind, one: str, other: str) -> None:
    # A key's subject has its prefix already, as its authenticator gives it.
    named = [f"key:{name}" if kind == "key" else name for kind, name in ((first, one), (second, other))]
    assert (author(first, named[0]) == author(second, named[1])) is ((first, one) == (second, other))
    assert author(first, named[0]) != author("local", "local")


def test_authors_by_kind() -> None:
    assert principal("token", "visitor-7").author == "token:visitor-7"
    assert principal("user", UUID).author == f"user:{UUID}"
    assert principal("key", "key:n8n").author == "key:n8n"
    assert LOCAL.author == "local"


def test_what_was_stored_before_is_found_under_its_bare_subject() -> None:
    assert former("token:visitor-7") == "visitor-7"
    assert former(f"user:{UUID}") == UUID
    for unchanged in ("key:n8n", "local", "u1", "desk"):
        assert former(unchanged) is None, unchanged
    # Else a token with such a subject were another author of today.
    for crafted in ("token:token:x", "token:user:x", "user:token:x", "token:key:n8n", "token:local"):
        assert former(crafted) is None, crafted


@given(st.sampled_from(["token", "user"]), subjects)
def test_the_former_of_nobody_is_an_author_of_today(kind: Kind, subject: str) -> None:
    bare = former(author(kind, subject))
    if bare is not None:
        assert all(
            bare != author(other, name) for other, name in product(get_args(Kind), ["x", "n8n", "local", "", UUID])
        )


def test_a_bare_uuid_is_a_users() -> None:
    assert owns_former(f"user:{UUID}")
    assert not owns_former(f"token:{UUID}")
    assert owns_former("token:visitor-7")
    assert not owns_former("key:n8n")
    assert not owns_former("token:token:x")


def test_a_repeat_of_what_an_older_version_stored_has_its_fingerprint() -> None:
    def write(subject: str) -> WriteMessage:
        return WriteMessage(conversation="room", subject=subject, sender=Sender("user", "v"), content="x", key="k")

    assert write("token:v").fingerprint() == write("v").fingerprint()
    assert write("token:v").fingerprint() == write("user:v").fingerprint()
    assert write("key:v").fingerprint() != write("v").fingerprint()
