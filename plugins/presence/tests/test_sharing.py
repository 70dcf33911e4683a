"""Instances that share a store: outages, crashes, lost signals, long rosters, and what it costs."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.signals import RosterSignal
from umbral_chat.providers.presence import Report, Viewer
from umbral_chat.testing.presence.rig import VISITOR, ann, somebody
from umbral_chat_presence.replication.heartbeats import HeartbeatTiming
from umbral_chat_presence.replication.records import TIMEOUT
from umbral_chat_presence.replication.roster_reader import SETTLE_TIMEOUT
from umbral_chat_presence.replication.roster_schedule import LIVE_DELAY, ROSTER_TTL
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.shared import SIGNAL_BYTES

from .pair import Deployment, Instance, deployment

HEARTBEAT = HeartbeatTiming.of(PresenceSettings()).interval
PEER_TIMEOUT = HeartbeatTiming.of(PresenceSettings()).timeout
SOON = 2 * HEARTBEAT
LONG = PresenceSettings(devices=5000, listed_people=1000, devices_per_person=100)


async def agree(on: Deployment, *instances: Instance) -> None:
    """All instances show the same, and so does one that just started."""
    for instance in instances:
        await instance.settled()
    first = instances[0].shown(Viewer(ids=True))
    for instance in instances[1:]:
        assert instance.shown(Viewer(ids=True)) == first
        assert instance.shown(VISITOR) == instances[0].shown(VISITOR)
    newcomer = await on.start()
    await newcomer.settled()
    assert newcomer.shown(VISITOR) == instances[0].shown(VISITOR)


async def test_nothing_is_read_or_written_while_nobody_is_here() -> None:
    async with deployment() as on:
        here = await on.start()
        here.report()
        await on.elapse(1)
        here.leave()
        await on.elapse(PresenceSettings().longest_ttl + 60)
        writes, reads = len(here.store.writes), len(here.store.reads)
        await on.elapse(ROSTER_TTL)
        assert (len(here.store.writes), len(here.store.reads)) == (writes, reads)


async def test_renewing_costs_heartbeats_alone() -> None:
    async with deployment() as on:
        here = await on.start()
        for number in range(20):
            here.report(somebody(number))
        await on.elapse(10)
        here.store.writes.clear()
        for _ in range(12):
            for number in range(20):
                here.report(somebody(number))
            await on.elapse(15)
        assert {key.split("/")[0] for key in here.store.writes} == {"beat"}
        assert len(here.store.writes) <= 12 * 15 / HEARTBEAT + 1


async def test_many_changes_cost_a_write_and_a_signal_a_second() -> None:
    async with deployment() as on:
        here = await on.start()
        for second in range(10):
            for number in range(10):
                here.report(somebody(number), status=("busy", "online")[second % 2])
                await on.elapse(0.1)
        rosters = [key for key in here.store.writes if key.startswith("roster/")]
        assert 5 <= len(rosters) <= 11
        assert on.wire.carried <= 11
        assert len(here.ears.changed) <= 11
        assert len(here.ears.presences) <= 11


async def test_five_hundred_people_who_all_move_are_told_in_a_few_signals() -> None:
    async with deployment(PresenceSettings(listed_people=1000)) as on:
        here, there = await on.start(), await on.start()
        await there.settled()
        for number in range(500):
            (here if number % 2 else there).report(somebody(number))
        await on.elapse(10)
        for side in (here, there):
            assert side.shown().count == 500
            side.ears.clear()
        before = on.wire.carried
        for number in range(500):
            (here if number % 2 else there).report(somebody(number), status="busy")
            here.presence.typing("room", somebody(number), True)
        await on.elapse(7)
        for side in (here, there):
            assert {one.status for one in side.shown().people} == {"busy"}
            assert len(side.ears.changed) <= 6
            assert len(side.ears.presences) <= 3
            assert sum(len(one.changed) for one in side.ears.presences) <= 500
        assert len(here.ears.typings) == 500, "each is told once"
        assert on.wire.carried - before <= 16


@pytest.mark.parametrize("trouble", ["slow", "full"])
async def test_rosters_that_are_not_written_in_time_do_not_hold_up_a_heartbeat(trouble: str) -> None:
    async with deployment() as on:
        on.wire.lost = 1.0
        here, there = await on.start(), await on.start()
        here.report()
        await on.elapse(1)
        await there.settled()
        here.store.slow, here.store.full = (0.5, False) if trouble == "slow" else (0.0, True)
        for number in range(400):
            here.presence.report(f"other-{number}", Report(person=somebody(number)))
        seen = set()
        for _ in range(40):  # 25 s of writes; without a heartbeat for 15 s an instance is taken for dead
            await on.elapse(1)
            here.report()
            seen.add(there.shown().count)
        here.store.slow, here.store.full = 0.0, False  # so that it can end
        assert seen == {1}


async def test_while_signals_are_pushed_a_write_waits() -> None:
    async with deployment() as on:
        here = await on.start(mode="live")
        there = await on.start(mode="live")
        await there.settled()
        await on.elapse(1)
        here.report()
        assert there.ids() == ["ann"], "the signal does not wait"
        await on.elapse(LIVE_DELAY - 0.5)
        assert on.stored("roster/") == []
        await on.elapse(1)
        assert len(on.stored("roster/")) == 1
        here.mode = "polling"
        here.report(status="busy")
        await on.elapse(0.6)
        await there.settled()
        assert there.shown().people[0].status == "busy"


async def test_a_stored_roster_is_written_anew_before_it_lapses() -> None:
    async with deployment() as on:
        here = await on.start()
        here.report(ttl=300)
        with here.presence.holding("room", ann()):
            await on.elapse(ROSTER_TTL / 2 + 65)
            ((_, until),) = [one for (_, key), one in on.records.records.items() if key.startswith("roster/")]
            assert until is not None
            assert until > ROSTER_TTL * 1.4
            assert here.ids() == ["ann"]


async def test_a_long_roster_is_stored_in_parts_and_told_after_that() -> None:
    async with deployment(LONG) as on:
        here, there = await on.start(), await on.start()
        await there.settled()
        for number in range(600):
            here.report(somebody(number), device="d" * 128, metadata={"text": "x" * 450})
        assert there.shown().count < 600
        await on.elapse(2)
        parts = on.stored("roster/room/")
        assert len(parts) > 5
        assert there.shown(VISITOR) == here.shown(VISITOR)
        big = [one for one in here.ears.signals if isinstance(one, RosterSignal)]
        assert all(len(bytes(one.roster)) <= SIGNAL_BYTES for one in big)
        assert bytes(big[-1].roster) == b"null"
        for number in range(1, 600):
            here.leave(somebody(number), "d" * 128)
        await on.elapse(LONG.longest_ttl + 30)
        here.report(somebody(0), device="d" * 128)
        await on.elapse(SOON)
        await there.settled()
        assert there.ids() == ["u0"]
        assert len(on.stored("roster/room/")) < len(parts)


async def test_a_roster_that_is_half_written_is_read_again() -> None:
    async with deployment(LONG) as on:
        here = await on.start()
        for number in range(600):
            here.report(somebody(number), metadata={"text": "x" * 450})
        await on.elapse(SOON)
        (torn,) = [key for key in on.stored("roster/room/") if key.endswith("/0003")]
        kept = on.records.records.pop(("presence", torn))
        there = await on.start()
        await there.settled()
        assert there.shown().count == 0, "half of it is told as if it were all"
        on.records.records["presence", torn] = kept
        await on.elapse(SOON)
        assert there.shown().count == 600


async def test_a_store_that_lags_delays_and_changes_nothing() -> None:
    async with deployment() as on:
        here, there = await on.start(), await on.start()
        there.store.lag = 4.0
        await there.settled()
        here.report(status="away")
        await on.elapse(1)
        here.report(status="busy")
        await on.elapse(1)
        assert there.shown().people[0].status == "busy", "signals do not wait for the store"
        for _ in range(20):
            await on.elapse(0.5)
            assert there.shown().people[0].status == "busy", "what is older came back"


async def test_a_store_that_hangs_holds_up_nobody() -> None:
    async with deployment() as on:
        here = await on.start()
        here.store.hangs = True
        here.report()
        began = on.clock.monotonic()
        with pytest.raises(HistoryUnavailable):
            await here.settled()
        assert on.clock.monotonic() - began <= SETTLE_TIMEOUT + 0.5
        for _ in range(8):
            await on.elapse(10)
            here.report()
            assert here.ids() == ["ann"]
        here.leave()
        await on.elapse(PresenceSettings().hold_back + 2)
        assert here.ids() == []
        here.report()
        here.store.hangs = False
        await on.elapse(TIMEOUT + 3 * HEARTBEAT)
        there = await on.start()
        await there.settled()
        assert there.ids() == ["ann"]


async def test_a_service_that_ends_while_the_store_hangs_ends_soon() -> None:
    async with deployment() as on:
        here = await on.start()
        here.report()
        await on.elapse(1)
        here.report(status="busy")
        here.store.hangs = True
        ending = asyncio.ensure_future(here.stop())
        await on.elapse(3)
        assert ending.done()


async def test_whoever_was_at_an_instance_that_crashed_is_gone_or_elsewhere() -> None:
    async with deployment() as on:
        here, there = await on.start(), await on.start()
        await there.settled()
        for number in range(6):
            here.report(somebody(number))
        there.report(ann())
        await on.elapse(SOON)
        there.ears.clear()
        await here.crash()
        await on.elapse(1)
        for number in range(3):  # their connection broke, and they are back at once
            there.report(somebody(number))
        await on.elapse(13)
        for number in range(3, 5):  # they only report every third of their time to live
            there.report(somebody(number))
        assert set(there.ids()) == {"ann", "u0", "u1", "u2", "u3", "u4", "u5"}
        for _ in range(3):
            await on.elapse(10)
            for one in (ann(), *map(somebody, range(5))):
                there.report(one)
        assert set(there.ids()) == {"ann", "u0", "u1", "u2", "u3", "u4"}
        assert len(there.ears.left) == 1
        assert there.ears.joined == []
        await agree(on, there)


async def test_an_instance_that_restarts_shows_nobody_as_gone_meanwhile() -> None:
    async with deployment() as on:
        here = await on.start()
        here.report()
        await on.elapse(SOON)
        since = here.shown().people[0].since
        await here.stop()
        again = await on.start()
        await again.settled()
        assert again.ids() == ["ann"]
        await on.elapse(5)
        again.report()
        await on.elapse(PEER_TIMEOUT)
        again.report()
        assert [one.since for one in again.shown().people] == [since]
        assert again.ears.left == again.ears.joined == []


async def test_an_instance_that_was_cut_off_comes_back() -> None:
    async with deployment() as on:
        on.wire.lost = 1.0
        here, there = await on.start(), await on.start()
        await there.settled()
        here.report()
        await on.elapse(SOON)
        assert there.ids() == ["ann"]
        here.store.away = True
        for _ in range(4):
            await on.elapse(PEER_TIMEOUT / 2)
            here.report()
            there.shown()
        assert there.ids() == []
        assert here.ids() == ["ann"]
        here.store.away = False
        await on.elapse(4 * HEARTBEAT)
        here.report()
        await agree(on, here, there)
        assert there.ids() == ["ann"]


async def test_an_outage_for_everybody_makes_nobody_leave() -> None:
    async with deployment() as on:
        on.wire.lost = 1.0
        sides = [await on.start() for _ in range(3)]
        for number, side in enumerate(sides):
            await side.settled()
            side.report(somebody(number))
        await on.elapse(SOON)
        for side in sides:
            side.store.away = True
        for _ in range(10):
            await on.elapse(15)
            for number, side in enumerate(sides):
                side.report(somebody(number))
                assert side.shown().count == 3
        for side in sides:
            side.store.away = False
        for _ in range(8):
            await on.elapse(HEARTBEAT)
            for number, side in enumerate(sides):
                side.report(somebody(number))
                assert side.shown().count == 3
        await agree(on, *sides)
        assert all(side.ears.left == [] for side in sides)


def something_happens(chance: random.Random, side: Instance) -> None:
    """One random event at one instance."""
    who, device = somebody(chance.randrange(8)), f"d{chance.randrange(2)}"
    match chance.randrange(6):
        case 0 | 1:
            side.report(who, device=device, status=chance.choice(["online", "away", "busy"]))
        case 2:
            side.leave(who, device)
        case 3:
            side.presence.typing("room", who, chance.random() < 0.7)
        case 4:
            side.presence.wrote("room", who)
        case _:
            side.store.away = chance.random() < 0.3


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_signals_are_lost_twice_or_late_they_agree_in_the_end(seed: int) -> None:
    chance = random.Random(seed)
    async with deployment() as on:
        on.wire.random = chance
        on.wire.lost, on.wire.doubled, on.wire.held = 0.4, 0.3, 0.4
        sides = [await on.start() for _ in range(3)]
        for _ in range(40):
            something_happens(chance, chance.choice(sides))
            for one in sides:
                one.shown()
            await on.elapse(chance.choice([0.3, 1.0, 3.0]))
            if chance.random() < 0.2:
                on.wire.release()
        for side in sides:
            side.store.away = False
        on.wire.release()
        # People who keep reporting stay. When all others are gone nothing changes any more, and all must agree.
        for _ in range(8):
            for number in range(3):
                chance.choice(sides).report(somebody(number), device="d0")
            await on.elapse(10)
        await agree(on, *sides)
        for side in sides:
            assert (set(side.ids()), side.types()) == ({"u0", "u1", "u2"}, [])
        await on.elapse(PresenceSettings().ttl + PEER_TIMEOUT)
        await agree(on, *sides)
        for side in sides:
            assert (side.ids(), side.types()) == ([], [])


async def test_what_another_version_stores_is_left_alone() -> None:
    async with deployment() as on:
        here = await on.start()
        await here.store.put("presence", "beat/other", b'{"version": 2}')
        await here.store.put("presence", "beat/third", msgspec.json.encode([1, 1, 0, [["room", 1]]]))
        await here.store.put("presence", "roster/room/third/0000", b'{"version": 2}')
        here.report()
        await here.settled()
        await on.elapse(60)
        here.report()
        assert here.ids() == ["ann"]


async def test_the_names_are_the_stores() -> None:
    async with deployment() as on:
        here, there = await on.start(), await on.start()
        assert here.report().person == there.report().person
        assert "beat" not in str(on.stored("names"))


async def test_settling_at_once_costs_one_read() -> None:
    async with deployment() as on:
        here = await on.start()
        reads = len(here.store.reads)
        waiting = [asyncio.ensure_future(here.presence.settled("room")) for _ in range(50)]
        await on.elapse(1)
        assert all(one.done() for one in waiting)
        assert len(here.store.reads) - reads <= 4


def settling(there: Instance, conversations: int) -> list[asyncio.Future[None]]:
    return [asyncio.ensure_future(there.presence.settled(f"room {number}")) for number in range(conversations)]


async def test_when_all_come_anew_nobody_waits_for_the_last() -> None:
    async with deployment() as on:
        here, there = await on.start(), await on.start()
        here.report()
        await on.elapse(1)
        there.store.slow_reads = 0.3
        waiting = settling(there, 40)
        await on.elapse(0.8)
        assert 8 <= sum(one.done() for one in waiting) < 40
        await on.elapse(3)
        assert all(one.done() for one in waiting)


async def test_where_no_other_instance_lives_one_look_settles_all() -> None:
    async with deployment() as on:
        here = await on.start()
        here.store.slow_reads = 0.5
        waiting = settling(here, 40)
        await on.elapse(0.7)
        assert all(one.done() for one in waiting)


async def test_an_instance_that_began_after_the_last_look_is_looked_for_before_anybody_is_told() -> None:
    async def asks(there: Instance) -> int:
        await there.settled()
        return there.shown().count

    async with deployment() as on:
        on.wire.lost = 1.0
        there = await on.start()
        there.store.slow_reads = 0.5
        there.presence.state("room", VISITOR)
        first = settling(there, 8)  # conversations that are waited for are read first, and "room" after them
        await on.elapse(0.6)
        here = await on.start()
        here.report()
        await on.elapse(0.3)
        waiting = asyncio.ensure_future(asks(there))
        await on.elapse(2.5)
        assert all(one.done() for one in first)
        assert waiting.result() == 1
