"""Operators' sessions in virtual time: how long they last, what ends them, and on every instance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.auth.keys import KeyAuthenticator
from umbral_chat._core.auth.session_credentials import SigningKey, has_form
from umbral_chat._core.auth.sessions import (
    IDLE,
    LONGEST,
    LONGEST_OF_USER,
    MOST,
    MOST_OF_USER,
    NAMESPACE,
    RENEW_AFTER,
    Sessions,
)
from umbral_chat._core.sqlite import open_storage
from umbral_chat.errors import Forbidden, InvalidRequest, TooManyRequests, Unauthorized
from umbral_chat.providers.auth import Principal, Right
from umbral_chat.providers.store import SharedStore
from umbral_chat.settings import Key, Secret
from umbral_chat.testing.clock import ManualClock

DESK = Key(name="desk", key=Secret("desk-key-for-tests"), rights=["*"])
READER = Key(name="reader", key=Secret("reader-key-for-tests"), rights=["inbox", "read"])
CHECK = 5.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SharedStore]:
    storage = open_storage(tmp_path / "chat.sqlite3", clock=clock)
    async with storage.lifespan:
        yield storage.store


def instance(store: SharedStore, clock: ManualClock, *keys: Key) -> tuple[Sessions, KeyAuthenticator]:
    authenticator = KeyAuthenticator(keys or [DESK, READER])
    return Sessions(authenticator.keys, store, clock, check_interval=CHECK), authenticator


async def caller(authenticator: KeyAuthenticator, key: Key = DESK) -> Principal:
    assert key.key is not None
    found = await authenticator.authenticate(key.key.reveal())
    assert found is not None
    return found


async def is_over(sessions: Sessions, credential: str) -> bool:
    try:
        await sessions.recognize(credential)
    except Unauthorized as error:
        return error.code == "session_ended" and credential not in str(error)
    return False


async def test_an_operator_is_an_agent_with_the_keys_rights_but_those_of_programs(
    store: SharedStore, clock: ManualClock
) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace\u200b  Hopper")
    session = await sessions.recognize(begun.credential)
    assert session == begun.session
    assert (session.role, session.name, session.kind) == ("agent", "Grace Hopper", "key")
    assert session.subject.startswith("agent:desk:")
    assert session.sender.id == session.subject
    assert session.rights == (await caller(keys)).rights - {"admin", "tokens", "metrics"}
    assert session.author != (await sessions.begin(await caller(keys), "Grace")).session.author


async def test_the_store_has_a_hash_and_never_the_credential(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace")
    ((name, record),) = (await store.scan(NAMESPACE)).items()
    for part in begun.credential.split("."):
        assert part not in name
        assert part.encode() not in record.value
    assert begun.credential not in repr(begun.session)


async def test_it_ends_twelve_hours_after_its_last_request_and_is_prolonged_by_each(
    store: SharedStore, clock: ManualClock
) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace")
    for _ in range(3):
        await clock.elapse(IDLE - RENEW_AFTER)
        session = await sessions.recognize(begun.credential)
        assert session.idle_until == clock.now().timestamp() + IDLE
    await clock.elapse(IDLE - 1)
    assert not await is_over(sessions, begun.credential)
    await clock.elapse(IDLE + 1)
    assert await is_over(sessions, begun.credential)


async def test_it_is_written_once_in_five_minutes_however_often_it_is_used(
    store: SharedStore, clock: ManualClock
) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace")
    for _ in range(20):
        await clock.elapse(30)
        await sessions.recognize(begun.credential)
    (record,) = (await store.scan(NAMESPACE)).values()
    assert record.version <= 3


async def test_it_ends_after_a_week_in_any_case(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace")
    latest = clock.now().timestamp() + LONGEST
    for _ in range(int(LONGEST / 21_600) - 1):
        await clock.elapse(21_600)
        assert not await is_over(sessions, begun.credential)
    session = await sessions.recognize(begun.credential)
    assert (session.idle_until, session.expires_at) == (latest, latest)
    await clock.elapse(21_601)
    assert await is_over(sessions, begun.credential)


async def test_ended_at_one_instance_it_is_over_there_at_once_and_elsewhere_within_the_interval(
    store: SharedStore, clock: ManualClock
) -> None:
    (one, keys), (two, _) = instance(store, clock), instance(store, clock)
    begun = await one.begin(await caller(keys), "Grace")
    found = await two.recognize(begun.credential)
    await one.end(begun.session)
    assert await is_over(one, begun.credential)
    await clock.elapse(CHECK)
    assert await is_over(two, begun.credential)
    with pytest.raises(Unauthorized):
        await two.authorize(found, "room")
    await one.end(begun.session)


@pytest.mark.parametrize("keys", [(READER,), (Key(name="desk", key=Secret("another-key-for-tests")),)])
async def test_it_ends_with_its_key(store: SharedStore, clock: ManualClock, keys: tuple[Key, ...]) -> None:
    sessions, before = instance(store, clock)
    begun = await sessions.begin(await caller(before), "Grace")
    restarted, _ = instance(store, clock, *keys)
    assert await is_over(restarted, begun.credential)
    with pytest.raises(Unauthorized):  # as a stream's ticket carries it
        await restarted.authorize(begun.session, "room")


async def test_rights_that_a_key_lost_its_sessions_lose(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace")
    fewer = Key(name="desk", key=Secret("desk-key-for-tests"), rights=["inbox"])
    restarted, _ = instance(store, clock, fewer)
    assert (await restarted.recognize(begun.credential)).rights == {"inbox"}


async def test_a_binding_to_a_conversation_is_kept(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace")
    bound = Principal(kind="token", subject="x", rights=frozenset(), conversation="room", epoch="e")
    session = type(begun.session)(
        **{name: getattr(begun.session, name) for name in begun.session.__struct_fields__}
        | {"conversation": bound.conversation, "epoch": bound.epoch}
    )
    found = await sessions.authorize(session, "room")
    assert (found.conversation, found.epoch) == ("room", "e")


async def test_who_may_sign_in(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    with pytest.raises(Forbidden) as lacking:
        await sessions.begin(await caller(keys, READER), "Grace")
    assert lacking.value.extra == {"right": "send_as"}
    begun = await sessions.begin(await caller(keys), "Grace")
    for other in (
        begun.session,
        Principal(kind="user", subject="u", rights=frozenset({"inbox", "send_as"})),
        Principal(kind="key", subject="key:desk", rights=frozenset({"inbox", "send_as"})),
    ):
        with pytest.raises(Forbidden):
            await sessions.begin(other, "Grace")
    for name in ("", "\u200b", "x" * 201):
        with pytest.raises(InvalidRequest):
            await sessions.begin(await caller(keys), name)


def operator(subject: str = "8d7d7a4c-3d0e-4b3a-9c55-3f2b8f9f1b11", *, name: str | None = None) -> Principal:
    """A user whom an identity provider's authenticator takes for an operator with the key `desk`."""
    rights: frozenset[Right] = frozenset({"inbox"})
    return Principal(kind="user", subject=subject, rights=rights, name=name, operator_key="desk")


async def test_a_user_who_is_an_operator_has_the_named_keys_rights_and_the_same_id_at_each_sign_in(
    store: SharedStore, clock: ManualClock
) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(operator(name="Grace Hopper"), "Support Team")
    session = await sessions.recognize(begun.credential)
    assert (session.role, session.name, session.kind) == ("agent", "Grace Hopper", "key")
    assert session.rights == (await caller(keys)).rights - {"admin", "tokens", "metrics"}
    assert session.subject == "agent:desk:8d7d7a4c-3d0e-4b3a-9c55-3f2b8f9f1b11"
    assert (await sessions.begin(operator(), "Grace")).session.subject == session.subject
    assert (await sessions.begin(operator(), "Grace")).session.name == "Grace"
    assert (await sessions.begin(operator("another"), "Grace")).session.subject != session.subject
    long = (await sessions.begin(operator("x" * 300), "Grace")).session.subject
    assert len(long) <= 128
    assert long != (await sessions.begin(operator("x" * 301), "Grace")).session.subject


async def test_a_user_s_session_ends_after_twelve_hours_however_much_it_is_used(
    store: SharedStore, clock: ManualClock
) -> None:
    sessions, _ = instance(store, clock)
    begun = await sessions.begin(operator(), "Grace")
    for _ in range(11):
        await clock.elapse(LONGEST_OF_USER / 12)
        assert not await is_over(sessions, begun.credential)
    await clock.elapse(LONGEST_OF_USER / 12)
    assert await is_over(sessions, begun.credential)


async def test_a_user_may_not_sign_in_where_the_key_is_not_there_or_lacks_a_right(
    store: SharedStore, clock: ManualClock
) -> None:
    for key, lacking in (
        (Key(name="desk", key=Secret("d" * 20), rights=["inbox"]), {"right": "send_as"}),
        (READER, {}),
    ):
        sessions, _ = instance(store, clock, key)
        with pytest.raises(Forbidden) as refused:
            await sessions.begin(operator(), "Grace")
        assert refused.value.extra == lacking


async def test_a_user_s_further_session_ends_its_oldest_and_no_other(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    others = [await sessions.begin(await caller(keys), "Ada"), await sessions.begin(operator("another"), "Alan")]
    own = []
    for _ in range(MOST_OF_USER + 2):
        await clock.elapse(2)
        own.append(await sessions.begin(operator(), "Grace"))
    assert [await is_over(sessions, each.credential) for each in own] == [True] * 2 + [False] * MOST_OF_USER
    assert not any([await is_over(sessions, each.credential) for each in others])


async def test_sign_ins_are_bounded_in_rate_and_number(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    desk = await caller(keys)
    for _ in range(10):
        await sessions.begin(desk, "Grace")
    with pytest.raises(TooManyRequests) as fast:
        await sessions.begin(desk, "Grace")
    assert (fast.value.code, fast.value.headers) == ("rate_limited", {"Retry-After": "2"})
    for _ in range(MOST - 10):
        await clock.elapse(2)
        await sessions.begin(desk, "Grace")
    await clock.elapse(2)
    with pytest.raises(TooManyRequests) as many:
        await sessions.begin(desk, "Grace")
    assert many.value.code == "too_many_sessions"


async def test_a_session_that_ends_while_it_is_prolonged_stays_ended(store: SharedStore, clock: ManualClock) -> None:
    sessions, keys = instance(store, clock)
    begun = await sessions.begin(await caller(keys), "Grace")
    await clock.elapse(RENEW_AFTER)
    original = store.compare_and_set

    async def late(*args: object, **more: object) -> object:
        await store.delete(NAMESPACE, begun.session.record)
        return await original(*args, **more)  # type: ignore[arg-type]

    store.compare_and_set = late  # type: ignore[method-assign,assignment]
    await sessions.recognize(begun.credential)
    assert await store.scan(NAMESPACE) == {}
    await clock.elapse(CHECK)
    assert await is_over(sessions, begun.credential)


class NoStore:
    """A store that must not be asked."""

    async def get(self, namespace: str, key: str) -> None:
        raise AssertionError("a stranger's credential caused a read")


KEYS = KeyAuthenticator([DESK, READER]).keys
DRAWN = SigningKey.of(KEYS[0]).draw()


@given(
    st.text(max_size=90)
    | st.tuples(st.integers(0, len(DRAWN) - 1), st.sampled_from("Aa0_-.")).map(
        lambda change: DRAWN[: change[0]] + change[1] + DRAWN[change[0] + 1 :]
    )
)
async def test_what_was_never_given_is_refused_without_a_read(credential: str) -> None:
    if credential == DRAWN:
        return
    sessions = Sessions(KEYS, NoStore(), ManualClock(), check_interval=CHECK)  # type: ignore[arg-type]
    with pytest.raises(Unauthorized) as refused:
        await sessions.recognize(credential)
    assert refused.value.code == "session_ended"


def test_credentials_have_their_form_and_are_of_one_key() -> None:
    desk, reader = map(SigningKey.of, KEYS)
    assert has_form(DRAWN)
    assert desk.is_of(DRAWN)
    assert not reader.is_of(DRAWN)
    assert desk.draw() != DRAWN
    assert desk.record(DRAWN) != reader.record(DRAWN)
