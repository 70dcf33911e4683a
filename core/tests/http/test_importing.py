"""A history that is moved is the history that was: `at`, the right `import`, and entries taken over whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from umbral_chat._core.cli.import_format import Planner

from .conftest import KEYS, Client, entries, send

LONG_AGO = "2019-03-04T05:06:07.000089Z"
ROOM = "/v1/conversations/room"
MOVER = {"name": "mover", "key": "mover-key-for-tests-only-01", "rights": ["read", "send", "import"]}


async def test_a_message_keeps_its_time_and_is_marked(client: Client) -> None:
    told = await send(client, "room", "long ago", at="2019-03-04T06:06:07.000089+01:00", sender={"role": "user"})
    entry = told["entry"]
    assert (entry["at"], entry["imported"]) == (LONG_AGO, True)
    assert "imported" not in (await send(client, "room", "now"))["entry"]
    (first, second) = (await client.get(f"{ROOM}/messages")).json()["messages"]
    assert (first["at"], first["imported"], "imported" in second) == (LONG_AGO, True, False)
    shown = (await client.get(ROOM)).json()
    assert shown["last_activity"] > LONG_AGO
    assert (await client.get("/v1/conversations")).json()["conversations"][0]["id"] == "room"


async def test_without_the_right_it_is_refused(start: Callable[..., Awaitable[Client]]) -> None:
    client = await start(core__keys=json.dumps([*KEYS, MOVER]))
    token = (
        await client.post(
            "/v1/tokens",
            json={"conversation": "room", "subject": "v"},
            headers={"authorization": f"Bearer {KEYS[0]['key']}"},
        )
    ).json()["token"]
    message = {"content": "x", "at": LONG_AGO}
    entry = {"kind": "message", "message_id": "m", "sender": {"role": "assistant", "id": "mover"}, **message}
    for credential in (KEYS[2]["key"], token):
        headers = {"authorization": f"Bearer {credential}"}
        for path, body in (("messages", message), ("entries", entry)):
            answer = await client.post(f"{ROOM}/{path}", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"], answer.json()["right"]) == (403, "forbidden", "import")
    headers = {"authorization": f"Bearer {MOVER['key']}"}
    assert (await client.post(f"{ROOM}/messages", json=message, headers=headers)).status_code == 201
    # Each kind takes the right of writing such an entry as well.
    other = await client.post(f"{ROOM}/entries", json=entry | {"sender": {"role": "system"}}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (403, "may_not_speak_as")
    update = {"kind": "update", "at": LONG_AGO, "sender": {"role": "system"}, "changes": {"title": "t"}}
    managed = await client.post(f"{ROOM}/entries", json=update, headers=headers)
    assert (managed.status_code, managed.json()["right"]) == (403, "manage")


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("in an hour", "time_in_future"),
        ("9999-12-31T23:59:59Z", "time_in_future"),
        ("1969-12-31T23:59:59Z", "invalid_field"),
        ("0001-01-01T00:00:00+14:00", "invalid_field"),
        ("2019-03-04T05:06:07", "invalid_field"),
        ("2019-03-04", "invalid_field"),
        (1_551_675_967, "invalid_field"),
    ],
)
async def test_a_time_that_is_none_is_refused(client: Client, at: object, code: str) -> None:
    if at == "in an hour":
        at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    entry = {"kind": "message", "message_id": "m", "sender": {"role": "user"}, "content": "x", "at": at}
    for path, body in (("messages", {"content": "x", "at": at}), ("entries", entry)):
        answer = await client.post(f"{ROOM}/{path}", json=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, "at"), answer.text
    assert await entries(client, "room") == []


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"content": None}, "missing_field", "content"),
        ({"message_id": None}, "missing_field", "message_id"),
        ({"message_id": "a/b"}, "invalid_field", "message_id"),
        ({"changes": {"title": "t"}}, "unknown_field", "changes"),
        ({"redacted": True}, "invalid_field", "content"),
        ({"redacted": True, "content": "", "metadata": {"a": 1}}, "invalid_field", "metadata"),
        ({"kind": "update"}, "unknown_field", "content"),
        ({"kind": "update", "content": None, "message_id": None}, "missing_field", "changes"),
        ({"kind": "redaction"}, "unknown_field", "content"),
        ({"kind": "run"}, "unknown_field", "content"),
        ({"kind": "run", "content": None, "message_id": None}, "missing_field", "run_id"),
        ({"kind": "run", "content": None, "message_id": None, "run_id": "r"}, "missing_field", "outcome"),
        ({"kind": "poll"}, "invalid_field", "kind"),
        ({"sender": {"role": "user", "name": "\0"}}, "nul_character", "sender.name"),
    ],
)
async def test_an_entry_that_cannot_be_is_refused(
    client: Client, change: dict[str, Any], code: str, field: str
) -> None:
    entry = {"kind": "message", "message_id": "m", "sender": {"role": "user"}, "content": "x", "at": LONG_AGO}
    answer = await client.post(f"{ROOM}/entries", json=entry | change)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, field), answer.text
    assert await entries(client, "room") == []


async def test_a_repeat_by_the_body_s_key_or_the_header_s_stores_nothing_twice(client: Client) -> None:
    entry = {"kind": "message", "message_id": "m", "sender": {"role": "user"}, "content": "x", "at": LONG_AGO}
    first = await client.post(f"{ROOM}/entries", json=entry | {"client_id": "k"})
    again = await client.post(f"{ROOM}/entries", json=entry, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["entry"] == again.json()["entry"]
    assert len(await entries(client, "room")) == 1


WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=6)
NAME = st.text(st.characters(categories=["L"]), min_size=1, max_size=6)
SENDER = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "agent", "system"])}, optional={"name": NAME}
)
SAID = st.fixed_dictionaries(
    {"content": WORD, "sender": SENDER}, optional={"metadata": st.dictionaries(WORD, WORD, max_size=2)}
)
STEP = st.one_of(
    st.tuples(st.just("say"), SAID),
    st.tuples(st.just("edit"), st.tuples(st.integers(0, 9), WORD)),
    st.tuples(st.just("redact"), st.integers(0, 9)),
    st.tuples(
        st.just("change"),
        st.one_of(
            st.fixed_dictionaries({"status": st.sampled_from(["open", "closed"])}),
            st.fixed_dictionaries({"title": st.none() | WORD}),
            st.fixed_dictionaries({"assignee": st.none() | NAME}, optional={"responder": st.just("human")}),
            st.fixed_dictionaries({"responder": st.just("assistant")}),
            st.fixed_dictionaries({"members": st.just([{"subject": "s", "role": "agent"}])}),
        ),
    ),
)


async def live(client: Client, conversation: str, steps: list[tuple[str, Any]]) -> None:
    """Have all this happen in a conversation; what cannot be done is left out."""
    path = f"/v1/conversations/{conversation}"
    assert (await client.post("/v1/conversations", json={"id": conversation})).status_code == 201
    messages: list[str] = []
    for what, how in steps:
        if what == "say":
            reply = {"reply_to": messages[0]} if messages else {}
            messages.append((await send(client, conversation, **how, **reply))["entry"]["message_id"])
        elif what == "edit" and messages:
            await client.patch(f"{path}/messages/{messages[how[0] % len(messages)]}", json={"content": how[1]})
        elif what == "redact" and messages:
            await client.delete(f"{path}/messages/{messages[how % len(messages)]}")
        elif what == "change":
            await client.patch(path, json=how)


async def exported(client: Client, conversation: str) -> list[dict[str, Any]]:
    """The log as `export` writes it, and `import` must make it again."""
    return [
        {name: value for name, value in entry.items() if name not in {"client_id", "imported"}}
        for entry in await entries(client, conversation)
    ]


async def test_a_log_that_is_moved_is_the_log_that_was(client: Client) -> None:
    """What was written in one conversation is imported into another: same numbers, times, senders and state, for a
    reader of the log as for one of the history; and a second import changes nothing."""
    loop = asyncio.get_running_loop()
    names = iter(range(1_000_000))

    async def moves(steps: list[tuple[str, Any]]) -> None:
        old, new = (f"{which}-{next(names)}" for which in ("old", "new"))
        await live(client, old, steps)
        log = await exported(client, old)
        for repeated in (False, True):
            planner = Planner(keep_times=True)
            for number, entry in enumerate(log, 1):
                step = planner.step(number, json.dumps({"conversation": new, **entry}).encode())
                assert step is not None
                (request,) = step.requests
                answer = await client.request(
                    request.method, request.path, json={**request.body, "client_id": request.key}
                )
                assert answer.status_code == (200 if repeated else 201), answer.text
            assert await exported(client, new) == log
        if log:
            one, other = [(await client.get(f"/v1/conversations/{name}/messages")).json() for name in (old, new)]
            for message in (*one["messages"], *other["messages"]):
                message.pop("client_id", None)
                message.pop("imported", None)
            assert one["messages"] == other["messages"]
            rooms = [(await client.get(f"/v1/conversations/{name}")).json() for name in (old, new)]
            for name in ("head", "status", "responder", "assignee", "title", "metadata", "members"):
                assert rooms[0].get(name) == rooms[1].get(name)

    @settings(max_examples=25)
    @given(st.lists(STEP, max_size=8))
    def property_holds(steps: list[tuple[str, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(moves(steps), loop).result(60)

    await asyncio.to_thread(property_holds)


async def test_a_conversation_in_which_nothing_was_said_is_made(client: Client) -> None:
    step = Planner().step(1, b'{"conversation": "room", "kind": "conversation"}')
    assert step is not None
    (request,) = step.requests
    assert (await client.request(request.method, request.path, json=request.body)).status_code == 201
    assert (await client.get(ROOM)).json()["head"] == 0
