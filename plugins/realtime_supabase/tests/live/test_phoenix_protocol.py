"""The protocol of one socket, without a socket: joins, heartbeats, what is heard, and every way that it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_realtime_supabase.live.phoenix_protocol import (
    CONCURRENT_JOINS,
    JOIN_TIMEOUT,
    READY_TIMEOUT,
    PhoenixProtocol,
)

from .wire import TOPICS, bring_up, broadcast, frame, joined, refused, said, system

HEARTBEAT = 4.0


def link(token: str | None = None) -> PhoenixProtocol:
    return PhoenixProtocol(TOPICS, token=token, heartbeat=HEARTBEAT, now=0.0)


def up() -> PhoenixProtocol:
    made = link()
    bring_up(made, 0.0)
    return made


def test_it_joins_private_channels_a_few_at_a_time() -> None:
    made = link()
    first = said(made)
    assert [each["topic"] for each in first] == [f"realtime:{topic}" for topic in TOPICS[:CONCURRENT_JOINS]]
    config = first[0]["payload"]["config"]
    assert (config["private"], config["broadcast"]["self"], config["presence"]["enabled"]) == (True, False, False)
    assert config["broadcast"]["replication_ready"] is True
    assert "access_token" not in first[0]["payload"]
    made.receive(joined(TOPICS[0], first[0]["ref"]), 0.1)
    assert [each["topic"] for each in said(made)] == [f"realtime:{TOPICS[CONCURRENT_JOINS]}"]
    assert not made.joined


def test_a_heartbeat_on_demand_stands_for_the_next_one_and_its_answer_is_a_sign() -> None:
    made = up()
    said(made)
    made.send_heartbeat(2.0)
    assert [each["event"] for each in said(made)] == ["heartbeat"]
    made.tick(HEARTBEAT + 0.5)
    assert said(made) == []
    assert made.last_received_at < 2.0
    made.receive(frame("phoenix", "phx_reply", {"status": "ok", "response": {}}), 2.1)
    assert made.last_received_at == 2.1


def test_a_key_that_is_a_token_is_what_channels_go_by() -> None:
    assert said(link("ey.ey.s"))[0]["payload"]["access_token"] == "ey.ey.s"


def test_it_is_ready_when_all_are_joined_and_the_servers_broadcasts_are_said_to_come() -> None:
    made = link()
    bring_up(made, 0.0, announced=False)
    assert (made.joined, made.ready(0.0)) == (True, False)
    made.receive(system(TOPICS[0], "ok", "Replication connection established"), 0.5)
    assert made.ready(0.5)


def test_a_server_that_never_says_so_is_asked_by_a_probe_all_the_same() -> None:
    made = link()
    bring_up(made, 1.0, announced=False)
    assert not made.ready(1.0 + READY_TIMEOUT - 0.1)
    assert made.ready(1.0 + READY_TIMEOUT)


def test_broadcasts_are_heard_in_order_on_joined_topics_alone() -> None:
    made = link()
    made.receive(broadcast(TOPICS[1], "entry", {"n": 0}), 0.0)
    bring_up(made, 0.0)
    for number in range(3):
        made.receive(broadcast(TOPICS[1], "entry", {"n": number}), 1.0)
    made.receive(broadcast("room:of-somebody-else", "entry", {"n": 9}), 1.0)
    assert [(each.topic, each.event, json.loads(bytes(each.payload))) for each in made.broadcasts] == [
        (TOPICS[1], "entry", {"n": number}) for number in range(3)
    ]


def test_heartbeats_go_out_and_silence_is_found_within_ten_seconds() -> None:
    made, beats = up(), 0
    last_heard = now = 20.0
    made.receive(frame("phoenix", "phx_reply", {}, "1"), now)
    while made.disconnection is None:
        now += 0.25
        made.tick(now)
        beats += sum(each["event"] == "heartbeat" and each["topic"] == "phoenix" for each in said(made))
    assert (made.disconnection.kind, beats) == ("silent", 2)
    assert now - last_heard <= 10


def test_an_answered_heartbeat_keeps_it_alive() -> None:
    made = up()
    for step in range(400):
        now = step * 0.25
        made.tick(now)
        for each in said(made):
            made.receive(json.dumps({"topic": "phoenix", "event": "phx_reply", "ref": each["ref"],
                                  "payload": {"status": "ok", "response": {}}}), now)  # fmt: skip
    assert made.disconnection is None


def test_a_join_that_is_never_answered_ends_it() -> None:
    made = link()
    for step in range(round(JOIN_TIMEOUT / 0.25) + 1):
        made.receive(frame("phoenix", "phx_reply", {}, "x"), step * 0.25)
        made.tick(step * 0.25)
    assert made.disconnection is not None
    assert (made.disconnection.kind, "not answered" in made.disconnection.reason) == ("silent", True)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Unauthorized: You do not have permissions to read from this Channel topic: x", "refused"),
        ("InvalidJWTToken: Token has expired 3 seconds ago", "expired"),
        ("InvalidJWTExpiration: Token has expired", "expired"),
        ("MalformedJWT: The token provided is not a valid JWT", "refused"),
        ("ClientJoinRateLimitReached: Too many joins per second", "limited"),
        ("ConnectionRateLimitReached: x", "limited"),
        ("IncreaseConnectionPool: Please increase your connection pool size", "limited"),
        ("RealtimeRestarting: Realtime is restarting, please standby", "closed"),
        ("InitializingProjectConnection: Realtime is initializing the project database connection", "closed"),
        ("MissingPartition: x", "closed"),
        ("Unknown Error on Channel", "closed"),
        ("", "closed"),
    ],
)
def test_a_refused_join_says_what_it_asks_for(reason: str, kind: str) -> None:
    made = link()
    first = said(made)[0]
    made.receive(refused(TOPICS[0], first["ref"], reason), 0.0)
    assert made.disconnection is not None
    assert made.disconnection.kind == kind


def test_a_reason_that_is_a_bare_string_is_understood() -> None:
    made = link()
    first = said(made)[0]
    made.receive(frame(TOPICS[0], "phx_reply", {"status": "error", "response": "unmatched topic"}, first["ref"]), 0.0)
    assert made.disconnection is not None
    assert "unmatched topic" in made.disconnection.reason


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Token has expired 12 seconds ago", "expired"),
        ("Too many messages per second", "limited"),
        ("Client presence rate limit exceeded", "limited"),
        ("You no longer have permission to read from this Channel topic: x", "refused"),
        ("Replication connection was not established in time", "closed"),
        ("Realtime was unable to connect to the project database", "closed"),
    ],
)
def test_what_the_server_says_before_it_closes_a_channel_is_the_reason(message: str, kind: str) -> None:
    made = up()
    made.receive(system(TOPICS[2], "error", message), 5.0)
    made.receive(frame(TOPICS[2], "phx_close", {}, "3", "3"), 5.0)
    assert made.disconnection is not None
    assert (made.disconnection.kind, message in made.disconnection.reason) == (kind, True)


@pytest.mark.parametrize("event", ["phx_close", "phx_error"])
def test_a_channel_that_ends_takes_the_link_with_it(event: str) -> None:
    made = up()
    made.receive(frame("room:of-somebody-else", event, {}), 5.0)
    assert made.disconnection is None
    made.receive(frame(TOPICS[0], event, {}, "1", "1"), 5.0)
    assert made.disconnection is not None
    assert made.disconnection.kind == "closed"
    assert not made.broadcast(TOPICS[1], "signals", {})


def test_trouble_of_another_extension_closes_nothing() -> None:
    made = up()
    body = {"extension": "postgres_changes", "status": "error", "message": "x", "channel": "y"}
    made.receive(frame(TOPICS[1], "system", body), 5.0)
    assert made.disconnection is None


def test_it_broadcasts_on_what_it_has_joined_alone() -> None:
    made = link()
    assert not made.broadcast(TOPICS[1], "signals", {"a": 1})
    bring_up(made, 0.0)
    said(made)
    assert made.broadcast(TOPICS[1], "signals", {"a": 1})
    (frame_,) = said(made)
    assert frame_["payload"] == {"type": "broadcast", "event": "signals", "payload": {"a": 1}}
    assert (frame_["topic"], frame_["event"]) == (f"realtime:{TOPICS[1]}", "broadcast")
    assert frame_["join_ref"]
    assert not made.broadcast("umbral_chat:c:room", "entry", {})


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.binary(),
            JSON.map(json.dumps),
            st.builds(
                frame,
                st.sampled_from([*TOPICS, "phoenix", ""]),
                st.sampled_from(["phx_reply", "system", "broadcast", "presence_state", "other"]),
                JSON,
            ),
        ),
        max_size=20,
    )
)
def test_nothing_that_arrives_breaks_it(data: list[str | bytes]) -> None:
    made = up()
    for each in data:
        made.receive(each, 1.0)
    made.tick(2.0)
