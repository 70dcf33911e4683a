"""Each way in which a client of Realtime is known to fail: found, recovered from, and the gap filled.

A to J are those that were seen in supabase-py 2.34 against a scripted server. In each test an entry is appended while
nothing can be received, and must be hinted afterwards; how long it took is recorded with the test's result.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import httpx
import psycopg
import pytest
from umbral_chat.model.signals import ReadSignal
from umbral_chat.providers.transport import EntryHint, SignalHint
from umbral_chat.settings import Secret
from umbral_chat_realtime_supabase.live import connection_monitor, hints, session
from umbral_chat_realtime_supabase.live.reconnect_delay import MIN_DELAY
from umbral_chat_realtime_supabase.topics import service_topic

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

from .conftest import instance
from .faulty_link import ROOM, FaultyLink, faulty_link

Record = Callable[[str, object], None]


@pytest.fixture
async def stack(supabase: Stack) -> AsyncIterator[Stack]:
    await command(supabase, "realtime/reset")
    yield supabase
    await command(supabase, "realtime/reset")


async def recovered(one: FaultyLink, record: Record, *, found_within: float = 10.0, within: float = 15.0) -> None:
    """It reports the loss, is live again, hints the entry appended meanwhile, and receives broadcasts again."""
    found = await one.until_down(found_within)
    missed = await one.append("while nothing was received")
    back = await one.until_live(within)
    await one.until_hinted(missed)
    await one.delivers_live()
    record("found", f"{found:.2f} s")
    record("recovered", f"{back:.2f} s")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, None])
async def test_a_the_socket_is_closed(stack: Stack, record_property: Record, code: int | None) -> None:
    """With a code, or TCP is cut without one (None)."""
    async with faulty_link(stack) as one:
        if code is None:
            await one.inject("drop")
        else:
            await one.inject("close", code=code)
        await recovered(one, record_property, found_within=5.0)


@pytest.mark.slow
async def test_b_the_server_is_away_for_longer_than_others_try(stack: Stack, record_property: Record) -> None:
    async with faulty_link(stack) as one:
        await one.inject("restart", seconds=17)
        await one.until_down(5.0)
        missed = await one.append()
        await one.until(lambda: one.transport.state.state == "down", "down", 15.0)
        record_property("recovered", f"{await one.until_live(35.0):.2f} s")
        await one.until_hinted(missed)
        await one.delivers_live()


async def test_c_a_channel_is_closed_with_a_system_message(stack: Stack, record_property: Record) -> None:
    async with faulty_link(stack) as one:
        await one.inject("expire", topic=service_topic(ROOM, 8))
        await recovered(one, record_property, found_within=5.0)
        assert any("expired" in reason for reason in one.reasons)


async def test_c_all_channels_are_closed_at_once(
    stack: Stack, record_property: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their frames, which nothing reads any more, delay no closing handshake: the loss is reported at once."""
    async with faulty_link(stack) as one:
        monkeypatch.setattr(session, "CLOSE_TIMEOUT", 30.0)
        await one.inject("expire")
        await recovered(one, record_property, found_within=5.0)
        monkeypatch.undo()


async def test_d_what_makes_no_sense_ends_nothing(stack: Stack) -> None:
    async with faulty_link(stack) as one:
        topic = service_topic(ROOM, 8)
        async with await psycopg.AsyncConnection.connect(stack.admin_db_url, autocommit=True) as database:
            for payload in ('{"conversation": "room", "epoch": 1}', "[]", "null", '{"conversation": {}}'):
                await database.execute(
                    "insert into realtime.messages (topic, extension, event, payload, private) "
                    "values (%s, 'broadcast', 'entry', %s::jsonb, true)",
                    (topic, payload),
                )
        await one.delivers_live()
        assert one.transport.state.state == "live"
        assert one.here.telemetry.totals()["umbral_chat.supabase.realtime.garbled"] >= 3


async def test_d_a_failing_listener_is_replaced(
    stack: Stack, record_property: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of our own ends the socket, is seen, and the next one is sound."""
    async with faulty_link(stack) as one:
        monkeypatch.setattr(hints, "_entry_events", None)
        await one.append("it stumbles over this")
        found = await one.until_down(5.0)
        monkeypatch.undo()
        record_property("found", f"{found:.2f} s")
        await one.until_live()
        await one.until_hinted(await one.append())


async def test_e_a_channels_process_crashes(stack: Stack, record_property: Record) -> None:
    async with faulty_link(stack) as one:
        await one.inject("crash", topic=service_topic(ROOM, 8))
        await recovered(one, record_property, found_within=5.0)


async def test_f_after_a_reconnect_everything_is_as_before(stack: Stack) -> None:
    """What supabase-py forgets is presence; here it is all that was joined, and that signals come and go."""
    async with faulty_link(stack) as one, instance(stack) as peer:
        await peer.transport.start()
        peer.transport.watch(ROOM)
        await one.until(lambda: peer.transport.state.state == "live", "the other one live", 10.0)
        before = await _state(stack)
        await one.inject("drop")
        await one.until_down(5.0)
        await one.until_live()
        await one.until(lambda: peer.transport.state.state == "live", "the other one live", 15.0)
        assert len((await _state(stack))["channels"]) == len(before["channels"])
        since = len(one.listener.events)
        for seq in range(100):
            await peer.transport.publish(ReadSignal(conversation=ROOM, subject="u", seq=seq))
            await asyncio.sleep(0.1)
            if any(isinstance(event, SignalHint) for event in one.listener.events[since:]):
                return
        raise AssertionError("no signal arrived")


async def test_g_a_reconnect_repeats_nothing(stack: Stack) -> None:
    """A replay position that stays as it was at the first join brings the same entries again. There is none here."""
    async with faulty_link(stack) as one:
        for _ in range(3):
            await one.delivers_live()
        since = len(one.listener.events)
        await one.inject("drop")
        await one.until_down(5.0)
        await one.until_live()
        await one.delivers_live()
        entries = [event.entry.seq for event in one.listener.events[since:] if isinstance(event, EntryHint)]
        assert len(entries) == 1, f"received again: {entries}"


async def test_g_a_refusal_of_any_form_is_understood(stack: Stack, record_property: Record) -> None:
    async with faulty_link(stack) as one:
        await one.inject("faults", refuse_join="Unknown Error on Channel")
        await one.inject("drop")
        await one.until_down(5.0)
        await one.until(lambda: "Unknown Error" in one.transport.state.reason, "the reason", 10.0)
        await one.inject("faults", refuse_join=None)
        await recovered(one, record_property)


async def test_h_what_is_published_while_it_is_down_is_not_delivered_late(stack: Stack) -> None:
    async with faulty_link(stack) as one, instance(stack) as peer:
        peer.transport.watch(ROOM)
        await peer.transport.start()
        await one.until(lambda: peer.transport.state.state == "live", "the other one live", 10.0)
        await one.inject("restart", seconds=2)
        await one.until(lambda: peer.transport.state.state != "live", "the other one not live", 15.0)
        stale = ReadSignal(conversation=ROOM, subject="stale", seq=1)
        await peer.transport.publish(stale)
        await one.until_down(5.0)
        await one.until_live()
        await one.until(lambda: peer.transport.state.state == "live", "the other one live", 15.0)
        fresh = ReadSignal(conversation=ROOM, subject="fresh", seq=1)
        await peer.transport.publish(fresh)
        await one.listener.until(lambda event: event == SignalHint(fresh), "the fresh signal", within=15)
        assert SignalHint(stale) not in one.listener.events


async def test_i_heartbeats_are_not_answered(stack: Stack, record_property: Record) -> None:
    async with faulty_link(stack) as one:
        await one.inject("faults", stall=True)
        found = await one.until_down(10.0)
        record_property("found", f"{found:.2f} s")
        missed = await one.append()
        await one.inject("faults", stall=False)
        record_property("recovered", f"{await one.until_live(20.0):.2f} s")
        await one.until_hinted(missed)
        await one.delivers_live()


async def test_i_a_socket_is_half_open(stack: Stack, record_property: Record) -> None:
    async with faulty_link(stack) as one:
        await one.inject("half_open")
        await recovered(one, record_property, found_within=10.0)


async def test_j_a_join_is_never_answered(stack: Stack) -> None:
    await command(stack, "realtime/faults", stall=True)
    async with faulty_link(stack, live=False) as one:
        await one.until(lambda: one.transport.state.state == "down", "down", 15.0)
        assert "heartbeats were not answered" in one.transport.state.reason or "joining" in one.transport.state.reason
        await one.inject("faults", stall=False)
        await one.until_live(25.0)
        await one.delivers_live()


async def test_joined_too_early_is_not_live(stack: Stack) -> None:
    """A channel is joined before the database's broadcasts come out of it."""
    await command(stack, "realtime/replication", on=True)  # it begins with the first join otherwise
    await command(stack, "realtime/replication", on=False)
    async with faulty_link(stack, live=False) as one:
        await one.until(lambda: one.transport.state.state == "degraded", "known to be of no use", 15.0)
        assert "do not arrive" in one.transport.state.reason
        missed = await one.append()
        await one.inject("replication", on=True)
        await one.until_live(25.0)
        await one.until_hinted(missed)
        await one.delivers_live()


async def test_a_link_that_looks_well_and_brings_nothing_is_found(stack: Stack, record_property: Record) -> None:
    async with faulty_link(stack, probe_interval=2.0) as one:
        await one.inject("replication", on=False)
        missed = await one.append()
        record_property("found", f"{await one.until_down(10.0):.2f} s")
        await one.inject("replication", on=True)
        record_property("recovered", f"{await one.until_live(25.0):.2f} s")
        await one.until_hinted(missed)
        await one.delivers_live()


async def test_a_rate_limit_is_reported_as_one_and_slows_down(stack: Stack) -> None:
    async with faulty_link(stack) as one:
        # A broadcast and its delivery exceed the limit. The server finds that at its next tick, and reports it with the
        # next delivery.
        await one.inject("limits", events_per_second=0.2, tick=0.3, buckets=1000)
        topic = f"umbral_chat:i:{one.transport._instance}"
        await _say(stack, topic)
        await asyncio.sleep(0.5)
        await _say(stack, topic)
        await one.until_down(10.0)
        await one.until(lambda: "Too many" in " ".join(one.reasons), "the reason", 10.0)
        lost = one.transport.state.since
        await one.inject("limits", events_per_second=1000)
        missed = await one.append()
        await one.until_live(30.0)
        away = (one.transport.state.since - lost).total_seconds()
        assert away > 4, "it reconnected at once after a rate limit"
        await one.until_hinted(missed)


async def test_a_rate_that_may_be_used_up_is_reported_and_slows_down(stack: Stack) -> None:
    """Realtime drops the database's broadcasts then, without a notice."""
    async with faulty_link(stack, probe_interval=1.0) as one:
        await one.inject("limits", events_per_second=0.01, tick=0.2, buckets=1000)
        missed = await one.append()
        await one.until_down(15.0)
        assert one.transport.state.state == "degraded"
        for words in ("do not arrive", "messages a second may be used up", "umbral_chat.supabase.realtime.messages"):
            assert words in one.transport.state.reason
        assert one.transport._connector._traffic._probes_missed.value == 1
        pause = float(one.transport.state.reason.rpartition("tried again in ")[2].removesuffix(" s"))
        assert pause >= MIN_DELAY["unheard"]
        await one.inject("limits", events_per_second=1e6)
        await one.until_live(40.0)
        await one.until_hinted(missed)


async def test_a_socket_is_replaced_before_it_expires_without_a_gap(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_monitor, "MAX_LIFETIME", 1.5)
    # What is written here in a second is more than a plan's messages, which would be dropped in silence.
    await command(stack, "realtime/limits", events_per_second=1e6)
    async with faulty_link(stack) as one:
        since, heads = len(one.listener.events), []
        end = time.monotonic() + 6
        while time.monotonic() < end:
            heads.append(await one.append())
        for head in heads:
            await one.until_hinted(head)
        received = [event.entry.seq for event in one.listener.events[since:] if isinstance(event, EntryHint)]
        assert set(received) == {head.seq for head in heads}, "an entry did not arrive over the link"
        assert one.reasons == ["starting"], "readers would notice a change of state"
        assert one.here.telemetry.totals().get("umbral_chat.supabase.realtime.lost", 0) == 0
        assert (await _state(stack))["sockets"] <= 2


async def test_a_refused_key_is_reported_and_shown_nowhere(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with faulty_link(stack) as one:
        one.transport._connector._key = Secret("sb_secret_that-is-none-of-this-project")
        await one.inject("drop")
        await one.until(lambda: one.transport.state.state == "down", "down", 15.0)
        assert "401" in one.transport.state.reason
        seen = f"{one.listener.events} {one.transport._monitor.session} {caplog.text}"
    for secret in ("that-is-none-of-this-project", stack.secret_key):
        assert secret not in seen


async def _say(stack: Stack, topic: str) -> None:
    """Broadcast by another client of the project."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{stack.url}/realtime/v1/websocket", params={"apikey": stack.secret_key}) as socket,
    ):
        frames: list[tuple[str, dict[str, Any]]] = [
            ("phx_join", {"config": {"private": True, "broadcast": {"ack": True}}}),
            ("broadcast", {"type": "broadcast", "event": "e", "payload": {}}),
        ]
        for number, (event, payload) in enumerate(frames):
            name, ref = f"realtime:{topic}", str(number)
            await socket.send_json({"topic": name, "event": event, "payload": payload, "ref": ref})
            while (await socket.receive_json(timeout=20)).get("ref") != ref:
                pass


async def _state(stack: Stack) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=stack.url) as client:
        found: dict[str, Any] = (await client.get("/_control/realtime/state")).json()
    return found


async def test_a_lost_probe_is_no_lost_link_when_another_broadcast_arrives_after_it(stack: Stack) -> None:
    async with faulty_link(stack, probe_interval=1.0) as one:
        own = f"umbral_chat:i:{one.transport._instance}"
        await one.inject("faults", topic=own, lose_share=1.0)
        end = time.monotonic() + 7  # past the end of one probe at least
        while time.monotonic() < end:
            # Often enough to arrive in each probe's time, and seldom enough for probes to be sent.
            await asyncio.sleep(1.3)
            await one.delivers_live()
        assert one.reasons == ["starting"]
        await one.until_down(20.0)
