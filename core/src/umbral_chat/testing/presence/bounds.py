"""Bounds of devices, of people, of notifications, and of running tasks."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from umbral_chat.errors import TooManyRequests
from umbral_chat.model.signals import RosterSignal
from umbral_chat.testing.presence.base import PresenceSuite
from umbral_chat.testing.presence.devices import BIT
from umbral_chat.testing.presence.rig import VISITOR, ann, somebody
from umbral_chat.testing.presence.typing import BOT


class BoundsContract(PresenceSuite):
    """What is refused, what is only counted, and how often changes are notified."""

    async def test_one_device_too_many_is_refused_and_changes_nothing(self) -> None:
        async with self.running() as on:
            for number in range(on.rig.devices_per_person):
                on.here.report(device=f"tab {number}")
            await on.elapse(BIT)
            before = on.here.shown()
            with pytest.raises(TooManyRequests) as refused:
                on.here.report(device="one more")
            assert (refused.value.code, refused.value.limit) == ("too_many_devices", on.rig.devices_per_person)
            assert "Retry-After" in refused.value.headers
            assert on.here.shown() == before
            on.here.report(device="tab 0", status="busy")
            on.here.leave(device="tab 1")
            on.here.report(device="one more")

    async def test_a_full_conversation_is_refused_and_another_is_not(self) -> None:
        async with self.running() as on:
            for number in range(on.rig.devices):
                on.here.report(somebody(number))
            with pytest.raises(TooManyRequests) as refused:
                on.here.report(somebody(on.rig.devices))
            assert (refused.value.code, refused.value.limit) == ("too_many_present", on.rig.devices)
            on.here.report(somebody(0), status="busy")
            on.here.report(somebody(on.rig.devices), room="other")
            assert on.here.shown().count == on.rig.devices
            await on.elapse(on.rig.ttl + BIT)
            on.here.report(somebody(on.rig.devices))

    async def test_a_device_that_comes_and_goes_under_new_names_fills_nothing(self) -> None:
        async with self.running() as on:
            for number in range(3 * on.rig.devices):
                on.here.report(device=f"tab {number}")
                on.here.leave(device=f"tab {number}")
            on.here.report(somebody(1))
            assert on.here.shown().count == 2

    async def test_with_too_many_people_only_counts_are_told(self) -> None:
        async with self.running() as on:
            limit = on.rig.listed_people
            renewals = [on.here.report(somebody(number)) for number in range(limit + 1)]
            assert [one.listed for one in renewals] == [True] * limit + [False]
            for viewer in (VISITOR, None):
                shown = on.here.shown() if viewer is None else on.here.shown(viewer)
                assert (shown.listed, shown.people) == (False, [])
                assert (shown.count, shown.counts["user"]) == (limit + 1, limit + 1)
            answer = on.here.presence.typing("room", somebody(1), True)
            assert (answer.typing, answer.listed) == (False, False)
            assert on.here.presence.typing("room", BOT, True).typing
            assert on.here.types() == ["bot"]
            await on.elapse(BIT)
            last = on.here.ears.presences[-1]
            assert (last.listed, last.joined, last.count) == (False, [], limit + 1)
            on.here.ears.clear()
            on.here.leave(somebody(0))
            await on.elapse(on.rig.hold_back + BIT)
            assert on.here.shown().listed
            assert len(on.here.shown().people) == limit
            assert len(on.here.ears.joined) == limit, "who listens on a channel does not know who is here"

    async def test_what_changes_within_a_second_is_told_together(self) -> None:
        async with self.running() as on:
            people = min(on.rig.listed_people, 20)
            for number in range(people):
                on.here.report(somebody(number))
                on.here.presence.typing("room", somebody(number), True)
            assert len(on.here.ears.changed) == 1, "the first is notified at once"
            await on.elapse(BIT)
            assert len(on.here.ears.changed) == 2
            assert len(on.here.ears.presences) <= 2
            assert len(on.here.ears.joined) == people
            assert len(on.here.ears.typings) == people

    async def test_who_came_and_went_meanwhile_is_no_news(self) -> None:
        async with self.running() as on:
            on.here.report(somebody(1))
            await on.here.settled()
            on.here.ears.clear()
            on.here.report(status="busy")
            on.here.report(invisible=True)
            await on.elapse(BIT)
            assert (on.here.ears.changed, on.here.ears.presences) == ([], [])

    async def test_what_it_cannot_read_it_leaves_alone(self) -> None:
        async with self.running() as on:
            on.here.report()
            for roster in (b"null", b"7", b"{}", b'[["x"]]', b'[[[1,0,"user"]]]', b'"\\ud800"'):
                signal = RosterSignal(conversation="room", instance="?", number=1, roster=msgspec.Raw(roster))
                on.here.presence.learn(signal)
            await on.elapse(BIT)
            assert on.here.ids() == ["ann"]

    async def test_no_task_is_left(self) -> None:
        before = asyncio.all_tasks()
        async with self.running() as on:
            on.here.report()
            with on.here.presence.holding("room", ann()):
                await on.elapse(BIT)
                await on.stop()
        left = asyncio.all_tasks() - before
        assert not left, f"left behind: {sorted(task.get_name() for task in left)}"


__all__ = ["BoundsContract"]
