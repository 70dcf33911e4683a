"""Guarantees between two instances whose signals reach each other."""

from __future__ import annotations

from umbral_chat.testing.presence.base import PresenceSuite
from umbral_chat.testing.presence.devices import BIT
from umbral_chat.testing.presence.rig import VISITOR, RunningPresence, ann, somebody
from umbral_chat.testing.presence.typing import BOT


class SharingContract(PresenceSuite):
    """`other` is another instance on the same store."""

    soon: float = 10.0
    """Seconds within which an instance knows through the store alone what happened at another."""

    async def test_who_is_at_one_instance_is_known_at_the_other_by_signals(self) -> None:
        async with self.running() as on:
            await on.there.settled()
            on.here.report(metadata={"page": "/"})
            await on.rig.clock.quiet()
            assert on.there.shown() == on.here.shown()
            assert on.there.shown(VISITOR) == on.here.shown(VISITOR)
            assert on.there.ears.changed == ["room"]
            assert on.there.ears.presences == [], "only the instance where it happened publishes it"

    async def test_both_count_each_person_once(self) -> None:
        async with self.running() as on:
            on.here.shown(), on.there.shown()
            on.here.report(device="desk", status="away")
            await on.elapse(BIT)
            on.there.report(device="phone", status="busy")
            on.there.report(somebody(1))
            await on.elapse(self.soon)
            for side in (on.here, on.there):
                assert side.shown(VISITOR).count == 2
                assert side.shown().people[0].status == "busy"
                assert [one.device for one in side.shown().people[0].devices or []] == ["desk", "phone"]
            assert on.here.shown() == on.there.shown()

    async def test_a_device_that_moves_is_no_news(self) -> None:
        async with self.running() as on:
            on.here.report()
            on.there.shown()
            await on.elapse(self.soon)
            before = on.there.shown(VISITOR)
            clear(on)
            for _ in range(3):
                on.there.report()
                await on.elapse(on.rig.ttl / 3)
                on.here.report()
                await on.elapse(on.rig.ttl / 3)
            for side in (on.here, on.there):
                assert side.shown(VISITOR) == before
                assert (side.ears.changed, side.ears.presences) == ([], [])

    async def test_who_comes_to_an_instance_that_knew_nothing_does_not_join_again(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(self.soon)
            on.here.leave()
            await on.elapse(1)
            on.there.report()
            await on.elapse(self.soon)
            assert on.there.ears.presences == []
            assert on.here.ears.left == []
            assert on.here.shown(VISITOR) == on.there.shown(VISITOR)

    async def test_of_two_reports_of_one_device_the_later_holds(self) -> None:
        async with self.running() as on:
            on.here.report(status="away")
            await on.elapse(BIT)
            on.there.report(status="busy")
            await on.elapse(self.soon)
            assert [side.shown().people[0].status for side in (on.here, on.there)] == ["busy", "busy"]
            on.here.report(status="online")
            await on.elapse(self.soon)
            assert [side.shown().people[0].status for side in (on.here, on.there)] == ["online", "online"]

    async def test_a_device_may_leave_at_the_other_instance(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.there.settled()
            await on.elapse(self.soon)
            assert on.there.leave()
            await on.elapse(on.rig.hold_back - 1)
            assert (on.here.ids(), on.there.ids()) == (["ann"], ["ann"])
            await on.elapse(1 + self.soon)
            assert (on.here.ids(), on.there.ids()) == ([], [])
            assert len(on.here.ears.left + on.there.ears.left) == 1

    async def test_a_reload_that_comes_back_elsewhere_is_no_news(self) -> None:
        async with self.running() as on:
            on.here.report()
            on.there.shown()
            await on.elapse(self.soon)
            before = on.there.shown(VISITOR)
            clear(on)
            on.here.leave()
            await on.elapse(1)
            on.there.report(device="another tab")
            await on.elapse(on.rig.hold_back + self.soon)
            for side in (on.here, on.there):
                assert side.shown(VISITOR) == before
                assert side.ears.presences == []

    async def test_what_is_heard_at_the_other_instance_keeps_a_device(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(self.soon)
            await on.there.settled()
            for _ in range(20):
                assert on.there.presence.renew("room", ann())
                await on.elapse(on.rig.ttl / 10)
            await on.here.settled()
            assert (on.here.ids(), on.there.ids()) == (["ann"], ["ann"])
            assert on.here.ears.left == on.there.ears.left == []
            await on.elapse(on.rig.ttl + self.soon)
            await on.here.settled()
            assert (on.here.ids(), on.there.ids()) == ([], [])

    async def test_typing_is_known_and_ends_at_both(self) -> None:
        async with self.running() as on:
            on.there.shown()
            on.here.presence.typing("room", BOT, True)
            await on.elapse(BIT)
            assert on.there.types() == ["bot"]
            on.there.presence.wrote("room", BOT)
            assert on.there.types() == []
            await on.elapse(self.soon)
            assert on.here.types() == [], "the message was written at the other instance"
            assert [one.typing for one in on.here.ears.typings + on.there.ears.typings].count(True) == 1

    async def test_signals_twice_late_and_out_of_order_change_nothing(self) -> None:
        async with self.running() as on:
            on.there.shown()
            kept = on.here.ears.signals
            on.here.report(status="away")
            await on.elapse(BIT)
            on.here.report(status="busy")
            on.here.report(somebody(1))
            await on.elapse(BIT)
            on.here.leave(somebody(1))
            await on.elapse(on.rig.hold_back + BIT)
            before, wire = on.there.shown(), on.here.ears.wire
            assert wire is not None
            for signal in [*reversed(kept), *kept, *reversed(kept)]:
                wire(signal)
            assert on.there.shown() == before == on.here.shown()

    async def test_who_was_at_an_instance_that_stops_is_gone_within_a_time_to_live(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(1)
            on.here.report(somebody(1))
            on.here.presence.typing("room", BOT, True)
            await on.elapse(self.soon)
            await on.there.settled()
            assert on.there.ids() == ["ann", "u1"]
            await on.stop()
            await on.elapse(on.rig.hold_back - 1)
            on.there.report()
            assert on.there.ids() == ["ann", "u1"]
            await on.elapse(on.rig.ttl - on.rig.hold_back + 1)
            assert on.there.ids() == ["ann"]
            assert on.there.types() == []
            assert len(on.there.ears.left) == 1
            assert on.there.ears.left != [on.there.report().person]

    async def test_what_nobody_asks_for_is_not_followed(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(self.soon)
            assert on.there.ears.changed == []


def clear(on: RunningPresence) -> None:
    """Drop what both instances recorded."""
    on.here.ears.clear()
    on.there.ears.clear()


__all__ = ["SharingContract"]
