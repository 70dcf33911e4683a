"""Devices: a person is present while any of its devices is."""

from __future__ import annotations

from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import Person
from umbral_chat.testing.presence.base import PresenceSuite
from umbral_chat.testing.presence.rig import VISITOR, ann, somebody

BIT = 1.5
"""Seconds that are added to a waiting time: changes are notified at most once a second."""


class DevicesContract(PresenceSuite):
    """Joining, leaving, expiry and hold-back."""

    async def test_who_reports_is_here_at_once(self) -> None:
        async with self.running() as on:
            renewal = on.here.report(status="away", metadata={"page": "/"})
            (person,) = on.here.shown().people
            assert (person.person, person.id, person.role, person.name) == (renewal.person, "ann", "user", "Ann")
            assert person.status == "away"
            assert [(one.device, one.metadata) for one in person.devices or []] == [("default", {"page": "/"})]
            assert renewal.expires_in == on.rig.ttl
            assert 0 < renewal.renew_in <= on.rig.ttl / 2, "a report may not be lost"
            assert on.here.ears.changed == ["room"]
            await on.here.settled()
            assert on.here.ears.joined == [renewal.person]

    async def test_what_a_device_says_replaces_what_it_said(self) -> None:
        async with self.running() as on:
            on.here.report(status="online", metadata={"page": 1})
            await on.elapse(BIT)
            on.here.ears.clear()
            on.here.report(status="busy")
            (person,) = on.here.shown().people
            assert [(one.status, one.metadata) for one in person.devices or []] == [("busy", None)]
            (signal,) = on.here.ears.presences
            assert ([one.status for one in signal.changed], signal.joined, signal.left) == (["busy"], [], [])

    async def test_a_report_that_says_the_same_is_no_news(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(BIT)
            on.here.ears.clear()
            for _ in range(3):
                on.here.report()
                await on.elapse(on.rig.ttl / 3)
            assert (on.here.ears.changed, on.here.ears.presences) == ([], [])

    async def test_a_person_with_three_devices_leaves_once(self) -> None:
        async with self.running() as on:
            for device in ("one", "two", "three"):
                on.here.report(device=device)
            await on.elapse(BIT)
            assert on.here.shown().count == 1
            on.here.ears.clear()
            assert on.here.leave(device="one")
            assert on.here.leave(device="two")
            await on.elapse(on.rig.hold_back + BIT)
            assert on.here.ids() == ["ann"]
            assert on.here.ears.left == []
            assert on.here.leave(device="three")
            await on.elapse(on.rig.hold_back + BIT)
            assert on.here.ids() == []
            assert len(on.here.ears.left) == 1

    async def test_the_status_is_that_of_all_devices(self) -> None:
        async with self.running() as on:
            on.here.report(device="phone", status="away")
            assert on.here.shown().people[0].status == "away"
            on.here.report(device="desk", status="online")
            assert on.here.shown().people[0].status == "online"
            on.here.report(device="car", status="busy")
            assert on.here.shown().people[0].status == "busy"

    async def test_people_stand_in_the_order_in_which_they_came(self) -> None:
        async with self.running() as on:
            for number in (3, 1, 2):
                on.here.report(somebody(number))
                await on.elapse(1)
            on.here.report(somebody(3), device="another")
            assert on.here.ids() == ["u3", "u1", "u2"]

    async def test_who_has_no_id_is_told_apart_by_role(self) -> None:
        async with self.running() as on:
            on.here.report(Sender("assistant"))
            on.here.report(Sender("agent"))
            on.here.report(Sender("assistant"), device="another")
            assert on.here.shown().count == 2
            assert on.here.shown().counts == {"user": 0, "assistant": 1, "agent": 1, "system": 0}

    async def test_people_of_different_kinds_never_meet(self) -> None:
        async with self.running() as on:
            everybody: list[Sender] = [
                Sender("user", "ann"),
                Sender("agent", "ann"),
                *(Person("user", "ann", kind=kind) for kind in ("user", "key", "local")),
            ]
            names = {on.here.report(one).person for one in everybody}
            assert len(names) == len(everybody) == on.here.shown().count
            # Whom one of them hides and takes away is itself.
            on.here.report(everybody[0], invisible=True)
            assert on.here.shown().count == len(everybody) - 1
            assert on.here.leave(everybody[1])
            await on.elapse(on.rig.hold_back + BIT)
            assert on.here.shown().count == len(everybody) - 2
            assert [on.here.leave(one) for one in everybody] == [True, False, True, True, True]

    async def test_conversations_have_nothing_to_do_with_each_other(self) -> None:
        async with self.running() as on:
            on.here.report(room="a")
            on.here.report(somebody(1), room="b")
            assert (on.here.ids("a"), on.here.ids("b")) == (["ann"], ["u1"])
            on.here.presence.forget("a")
            assert (on.here.ids("a"), on.here.ids("b")) == ([], ["u1"])
            assert "a" in on.here.ears.changed

    # time to live

    async def test_a_device_of_which_nothing_is_heard_is_gone(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(on.rig.ttl - 1)
            assert on.here.ids() == ["ann"]
            await on.elapse(1 + BIT)
            assert on.here.ids() == [], "it is held back though it never left"
            assert len(on.here.ears.left) == 1

    async def test_a_report_in_the_moment_of_expiry_wins(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(BIT)
            on.here.ears.clear()
            await on.elapse(on.rig.ttl - BIT)
            on.here.report()
            await on.elapse(on.rig.ttl - 1)
            assert on.here.ids() == ["ann"]
            assert (on.here.ears.changed, on.here.ears.presences) == ([], [])

    async def test_a_device_may_ask_for_a_time_to_live(self) -> None:
        async with self.running() as on:
            renewal = on.here.report(ttl=on.rig.ttl / 2)
            assert renewal.expires_in == on.rig.ttl / 2
            await on.elapse(on.rig.ttl / 2 + BIT)
            assert on.here.ids() == []

    async def test_whatever_is_heard_of_a_device_renews_it(self) -> None:
        async with self.running() as on:
            on.here.report()
            for _ in range(4):
                await on.elapse(on.rig.ttl - 1)
                assert on.here.presence.renew("room", ann())
            assert on.here.ids() == ["ann"]
            await on.elapse(on.rig.ttl + BIT)
            assert on.here.ids() == []

    async def test_renewing_brings_nobody(self) -> None:
        async with self.running() as on:
            assert not on.here.presence.renew("room", ann())
            on.here.report()
            assert not on.here.presence.renew("room", ann(), "another")
            assert not on.here.presence.renew("other", ann())
            on.here.leave()
            assert not on.here.presence.renew("room", ann()), "a late renewal brings back who left"
            await on.elapse(on.rig.hold_back + BIT)
            assert on.here.ids() == []

    async def test_a_device_that_an_edge_holds_does_not_expire(self) -> None:
        async with self.running() as on:
            on.here.report()
            with on.here.presence.holding("room", ann()):
                await on.elapse(3 * on.rig.ttl)
                with on.here.presence.holding("room", ann()):
                    await on.elapse(1)
                await on.elapse(2 * on.rig.ttl)
                assert on.here.ids() == ["ann"]
            await on.elapse(on.rig.ttl - 1)
            assert on.here.ids() == ["ann"], "its time to live does not begin anew"
            await on.elapse(1 + BIT)
            assert on.here.ids() == []

    async def test_holding_brings_nobody_and_keeps_nobody_who_leaves(self) -> None:
        async with self.running() as on:
            with on.here.presence.holding("room", ann()):
                assert on.here.ids() == []
            on.here.report()
            with on.here.presence.holding("room", ann()):
                assert on.here.leave()
                await on.elapse(on.rig.hold_back + BIT)
                assert on.here.ids() == []

    # hold-back

    async def test_leaving_says_whether_it_was_here(self) -> None:
        async with self.running() as on:
            assert not on.here.leave()
            on.here.report()
            assert not on.here.leave(device="another")
            assert on.here.leave()
            assert not on.here.leave(), "it left already"

    async def test_leaving_shows_after_the_hold_back(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(BIT)
            on.here.ears.clear()
            on.here.leave()
            await on.elapse(on.rig.hold_back - 1)
            assert on.here.ids() == ["ann"]
            assert (on.here.ears.changed, on.here.ears.presences) == ([], [])
            await on.elapse(1 + BIT)
            assert on.here.ids() == []
            assert on.here.ears.changed == ["room"]
            assert len(on.here.ears.left) == 1

    async def test_a_reload_within_the_hold_back_is_as_if_nothing_had_happened(self) -> None:
        async with self.running() as on:
            on.here.report()
            await on.elapse(BIT)
            before = on.here.shown()
            on.here.ears.clear()
            for _ in range(3):
                on.here.leave()
                await on.elapse(on.rig.hold_back - 1)
                on.here.report()
                await on.elapse(2)
            assert on.here.shown() == before
            assert (on.here.ears.changed, on.here.ears.presences) == ([], [])

    async def test_coming_back_with_another_device_is_no_coming(self) -> None:
        async with self.running() as on:
            on.here.report(device="tab 1")
            await on.elapse(BIT)
            before = on.here.shown(VISITOR)
            on.here.ears.clear()
            on.here.leave(device="tab 1")
            await on.elapse(on.rig.hold_back / 2)
            on.here.report(device="tab 2")
            await on.elapse(on.rig.hold_back)
            assert on.here.shown(VISITOR) == before
            assert on.here.ears.presences == []
            assert [one.device for one in on.here.shown().people[0].devices or []] == ["tab 2"]


__all__ = ["BIT", "DevicesContract"]
