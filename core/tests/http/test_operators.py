"""An inbox that operators share: its filters, taking over and giving back, and what internal conversations keep to
themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from umbral_chat._core.history.health import HistoryHealth
from umbral_chat._core.history.monitored import MonitoredHistory
from umbral_chat.clock import SystemClock
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.conversations import InboxFilter
from umbral_chat.model.internal import internal_id

from .conftest import KEYS, Client, entries, send
from .test_bounds import token

Start = Callable[..., Awaitable[Client]]

INBOX = "/v1/conversations"
ROOM = f"{INBOX}/room"

DESK: list[dict[str, Any]] = [
    *KEYS,
    {"name": "desk", "key": "desk-key-for-tests-only-0001", "rights": ["read", "send", "inbox", "moderate"]},
    {"name": "second", "key": "second-key-for-tests-only-01", "rights": ["read", "send", "inbox", "moderate"]},
]


def as_key(name: str) -> dict[str, str]:
    (key,) = [one["key"] for one in DESK if one["name"] == name]
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
async def desk(start: Start) -> Client:
    """A service with two agents' keys; the first key, with every right, is sent by default."""
    client = await start(core__keys=json.dumps(DESK))
    client.headers.update(as_key("n8n"))
    return client


async def found(client: Client, **query: str) -> set[str]:
    answer = await client.get(INBOX, params=query)
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json()["conversations"]}


async def test_the_inbox_is_filtered_by_each_and_by_all(desk: Client) -> None:
    for name in ("one", "two", "three"):
        await send(desk, name, "hello", sender={"role": "user"})
    await desk.patch(f"{INBOX}/one", json={"title": "Rückgabe 17"})
    await send(desk, "two", "an answer", sender={"role": "assistant"})
    await desk.patch(f"{INBOX}/three", json={"status": "closed", "assignee": "desk-1"})
    assert await found(desk, waiting="true") == {"one"}
    assert await found(desk, waiting="false") == {"two", "three"}
    assert await found(desk, assignee="desk-1") == {"three"}
    assert await found(desk, assignee="none") == {"one", "two"}
    assert await found(desk, q="rÜCKG") == {"one"}
    assert await found(desk, q="TH") == {"three"}
    assert await found(desk, status="open", assignee="none", waiting="true", q="17") == {"one"}
    assert await found(desk, status="closed", q="17") == set()
    assert (await desk.post(f"{INBOX}/one/takeover", headers=as_key("desk"), json={})).is_success
    mine = (await desk.get(INBOX, params={"assignee": "me"}, headers=as_key("desk"))).json()
    assert [one["id"] for one in mine["conversations"]] == ["one"]
    assert await found(desk, assignee="desk") == {"one"}
    assert await found(desk, assignee="me") == set()


async def test_pages_of_a_search_hold_each_conversation_once(desk: Client) -> None:
    for number in range(7):
        await send(desk, f"c{number}", "x", sender={"role": ("user", "assistant")[number % 2]})
    for query in ({"waiting": "true"}, {"q": "C"}, {"q": "c", "waiting": "true"}):
        whole = [one["id"] for one in (await desk.get(INBOX, params=query)).json()["conversations"]]
        parts: list[str] = []
        before: dict[str, str] = {}
        while True:
            page = (await desk.get(INBOX, params={**query, "limit": "2", **before})).json()
            parts += [one["id"] for one in page["conversations"]]
            if page["before"] is None:
                break
            before = {"before": page["before"]}
        assert parts == whole
        assert len(set(parts)) == len(parts)


async def test_an_etag_is_for_one_filter(desk: Client) -> None:
    await send(desk, "room", "x", sender={"role": "user"})
    etags = set()
    for query in ({}, {"status": "open"}, {"waiting": "true"}, {"assignee": "none"}, {"q": "room"}, {"q": "ROOM"}):
        answer = await desk.get(INBOX, params=query)
        etags.add(answer.headers["etag"])
        again = await desk.get(INBOX, params=query, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
    assert len(etags) == 6


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"status": "ajar"}, "invalid_field", "status"),
        ({"waiting": "perhaps"}, "invalid_field", "waiting"),
        ({"assignee": ""}, "invalid_field", "assignee"),
        ({"assignee": "x" * 129}, "invalid_field", "assignee"),
        ({"assignee": "a\0b"}, "nul_character", "assignee"),
        ({"q": ""}, "invalid_field", "q"),
        ({"q": "x" * 201}, "invalid_field", "q"),
        ({"q": "a\0b"}, "nul_character", "q"),
        ({"q": "x", "before": "nowhere"}, "invalid_cursor", "before"),
        ({"waitng": "true"}, "unknown_parameter", "waitng"),
    ],
)
async def test_wrong_filters_are_named(desk: Client, query: dict[str, str], code: str, field: str) -> None:
    answer = await desk.get(INBOX, params=query)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, field), answer.text


async def test_taking_over_is_one_entry_and_the_second_learns_who(desk: Client) -> None:
    await send(desk, "room", "help", sender={"role": "user"})
    taken = await desk.post(f"{ROOM}/takeover", headers=as_key("desk"), json={})
    assert (taken.status_code, taken.json()["responder"], taken.json()["assignee"]) == (200, "human", "desk")
    refused = await desk.post(f"{ROOM}/takeover", headers=as_key("second"), json={})
    assert (refused.status_code, refused.json()["code"], refused.json()["assignee"]) == (409, "already_taken", "desk")
    assert (await desk.post(f"{ROOM}/takeover", headers=as_key("desk"), json={})).status_code == 200
    back = await desk.delete(f"{ROOM}/takeover", headers=as_key("second"))
    assert (back.status_code, back.json()["responder"]) == (200, "assistant")
    assert "assignee" not in back.json()
    changes = [entry["changes"] for entry in await entries(desk, "room") if entry["kind"] == "update"]
    assert changes == [
        {"responder": "human", "assignee": "desk"},
        {"responder": "human", "assignee": "desk"},
        {"responder": "assistant", "assignee": None},
    ]


async def test_a_patch_takes_over_hands_over_and_gives_back(desk: Client) -> None:
    await send(desk, "room", "help", sender={"role": "user"})
    assert (await desk.patch(ROOM, json={"responder": "human", "assignee": "a"})).json()["assignee"] == "a"
    refused = await desk.patch(ROOM, json={"responder": "human", "assignee": "b", "title": "Mine"})
    assert (refused.status_code, refused.json()["code"], refused.json()["assignee"]) == (409, "already_taken", "a")
    assert "title" not in (await desk.get(ROOM)).json(), "a refused takeover changed something"
    assert (await desk.patch(ROOM, json={"assignee": "b"})).json()["assignee"] == "b"
    assert (await desk.patch(ROOM, json={"responder": "human"})).json()["assignee"] == "b"
    assert "assignee" not in (await desk.patch(ROOM, json={"responder": "assistant"})).json()
    assert (await entries(desk, "room"))[-1]["changes"] == {"responder": "assistant", "assignee": None}


async def test_of_many_takers_one_succeeds(desk: Client) -> None:
    await send(desk, "room", "help", sender={"role": "user"})
    answers = await asyncio.gather(
        *(desk.post(f"{ROOM}/takeover", json={"assignee": f"agent-{number}"}) for number in range(20)),
        *(desk.patch(ROOM, json={"responder": "human", "assignee": f"other-{number}"}) for number in range(10)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 29]
    (winner,) = [answer.json()["assignee"] for answer in answers if answer.status_code == 200]
    assert {answer.json()["assignee"] for answer in answers} == {winner}
    assert len(await entries(desk, "room")) == 2


async def test_a_repeated_takeover_is_answered_as_the_first(desk: Client) -> None:
    await send(desk, "room", "help", sender={"role": "user"})
    for _ in range(2):
        assert (await desk.post(f"{ROOM}/takeover", json={"assignee": "a", "client_id": "k"})).status_code == 200
    assert len(await entries(desk, "room")) == 2


async def test_who_may_take_over(desk: Client) -> None:
    await send(desk, "room", "help", sender={"role": "user"})
    visitor = await token(desk)
    for headers in (visitor, as_key("reader"), as_key("bot")):
        for answer in (
            await desk.post(f"{ROOM}/takeover", headers=headers, json={}),
            await desk.delete(f"{ROOM}/takeover", headers=headers),
            await desk.patch(ROOM, headers=headers, json={"assignee": "me-too"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    other = await desk.post(f"{ROOM}/takeover", headers=as_key("desk"), json={"assignee": "second"})
    assert (other.status_code, other.json()["right"], other.json()["field"]) == (403, "manage", "assignee")
    missing = await desk.post(f"{INBOX}/nowhere/takeover", json={})
    assert (missing.status_code, missing.json()["code"]) == (404, "conversation_not_found")
    for name in ("none", "me", "", "x" * 129):
        for answer in (
            await desk.post(f"{ROOM}/takeover", json={"assignee": name}),
            await desk.patch(ROOM, json={"assignee": name}),
        ):
            assert answer.status_code == 400
            assert (answer.json()["code"], answer.json()["field"]) == ("invalid_field", "assignee")
    assert len(await entries(desk, "room")) == 1


async def test_notes_stay_internal_whatever_is_asked_for(desk: Client) -> None:
    await send(desk, "room", "help", sender={"role": "user"})
    notes = internal_id("room")
    await send(desk, notes, "pays late", sender={"role": "agent"})
    visitor = await token(desk, "v")
    # To be the assignee gives no right, and to be one of a visitor's subject gives none either.
    for name in ("v", "visitor", "token:v"):
        await desk.patch(f"{INBOX}/{notes}", json={"assignee": name, "title": "secret order 1042"})
        for query in (
            {},
            {"q": "secret"},
            {"q": "internal"},
            {"assignee": name},
            {"assignee": "me"},
            {"waiting": "true"},
        ):
            for headers in (visitor, as_key("reader"), as_key("bot")):
                answer = await desk.get(INBOX, params=query, headers=headers)
                assert answer.status_code == 403
                assert "secret" not in answer.text
        for method, path in (("GET", ""), ("GET", "/messages"), ("POST", "/takeover"), ("DELETE", "/takeover")):
            answer = await desk.request(method, f"{INBOX}/{notes}{path}", headers=visitor)
            assert answer.status_code == 403
    user = await desk.patch(f"{INBOX}/{notes}", json={"members": [{"subject": "v", "role": "user"}]})
    assert (user.status_code, user.json()["field"]) == (400, "members[0].role")
    assert await found(desk, q="secret") == {notes}, "who may list all conversations finds notes, too"


async def test_a_history_without_the_ability_is_asked_for_the_status_alone() -> None:
    class Plain:
        name = "plain"

        def __init__(self) -> None:
            self.asked: list[Any] = []

        async def conversations(self, **query: Any) -> str:
            self.asked.append(query)
            return "a page"

    plain = Plain()
    history: Any = MonitoredHistory(cast("Any", plain), HistoryHealth(SystemClock()))
    assert await history.search(InboxFilter(status="open"), limit=3) == "a page"
    assert plain.asked == [{"limit": 3, "before": None, "status": "open", "subject": None}]
    for sought in (InboxFilter(waiting=False), InboxFilter(assignee=None), InboxFilter(text="x")):
        with pytest.raises(InvalidRequest) as raised:
            await history.search(sought, limit=3)
        assert raised.value.code == "not_supported"
    with pytest.raises(InvalidRequest) as raised:
        await history.take(None)
    assert raised.value.code == "not_supported"
