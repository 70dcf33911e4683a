"""What viewers may see, and what is shown to none."""

from __future__ import annotations

from msgspec import UNSET

from umbral_chat.providers.presence import Viewer
from umbral_chat.testing.presence.base import PresenceSuite
from umbral_chat.testing.presence.devices import BIT
from umbral_chat.testing.presence.rig import OPERATOR, VISITOR, ann, somebody


class ViewersContract(PresenceSuite):
    """Privacy and versions."""

    async def test_a_visitor_sees_no_ids_devices_and_metadata(self) -> None:
        async with self.running() as on:
            on.here.report(device="secret device", metadata={"secret": "metadata"})
            on.here.presence.typing("room", ann(), True)
            state = on.here.presence.state("room", VISITOR)
            (person,) = state.presence.people
            (typist,) = state.typing
            assert (person.role, person.name, person.id, person.devices) == ("user", "Ann", None, UNSET)
            assert (typist.person, typist.id) == (person.person, None)
            assert state.presence.last_seen is UNSET
            assert "ann" not in person.person
            assert "ann" not in repr(on.here.ears.signals)
            assert "secret" not in repr(on.here.ears.signals)

    async def test_a_name_is_that_of_one_person_in_one_conversation(self) -> None:
        async with self.running() as on:
            names = {on.here.report(room=room).person for room in ("a", "b", "a")}
            names |= {on.here.report(somebody(number), room="a").person for number in range(5)}
            assert len(names) == 7

    async def test_who_is_invisible_is_shown_and_counted_to_nobody(self) -> None:
        async with self.running() as on:
            on.here.report(somebody(1))
            await on.elapse(BIT)
            on.here.ears.clear()
            on.here.report(invisible=True)
            on.here.presence.typing("room", ann(), True)
            await on.elapse(BIT)
            for viewer in (VISITOR, OPERATOR):
                assert on.here.shown(viewer).count == 1
                assert on.here.shown(viewer).counts["user"] == 1
                assert on.here.types(viewer) == []
            on.here.leave()
            await on.elapse(on.rig.hold_back + BIT)
            assert on.here.shown().last_seen == []
            assert (on.here.ears.changed, on.here.ears.presences, on.here.ears.typings) == ([], [], [])

    async def test_one_invisible_device_hides_all(self) -> None:
        async with self.running() as on:
            on.here.report(device="desk")
            await on.elapse(BIT)
            on.here.report(device="phone", invisible=True)
            assert on.here.ids() == []
            assert len(on.here.ears.left) == 1
            on.here.report(device="phone")
            assert on.here.ids() == ["ann"]

    async def test_last_seen_is_for_those_who_may_see_it(self) -> None:
        async with self.running() as on:
            clock = on.rig.clock
            on.here.report(somebody(1))
            on.here.report(somebody(2))
            await on.elapse(5)
            first = clock.now()
            on.here.leave(somebody(1))
            await on.elapse(3)
            on.here.leave(somebody(2))
            await on.elapse(on.rig.hold_back + BIT)
            seen = on.here.shown().last_seen
            assert seen is not UNSET
            assert [one.id for one in seen] == ["u2", "u1"]
            assert abs((seen[1].last_seen - first).total_seconds()) < 1
            assert on.here.shown(Viewer(ids=True)).last_seen is UNSET
            only = on.here.shown(Viewer(last_seen=True)).last_seen
            assert only is not UNSET
            assert [one.id for one in only] == [None, None]
            on.here.report(somebody(1))
            again = on.here.shown().last_seen
            assert again is not UNSET
            assert [one.id for one in again] == ["u2"], "who is here was not last seen"

    async def test_equal_lists_have_equal_versions_and_others_have_others(self) -> None:
        async with self.running() as on:
            versions = [on.here.shown(VISITOR).version]
            on.here.report()
            versions.append(on.here.shown(VISITOR).version)
            on.here.report()
            assert on.here.shown(VISITOR).version == versions[-1]
            assert on.here.shown(Viewer(last_seen=True)).version == versions[-1], "last seen is no part of it"
            on.here.report(status="busy")
            versions.append(on.here.shown(VISITOR).version)
            on.here.report(somebody(1))
            versions.append(on.here.shown(VISITOR).version)
            assert len(set(versions)) == 4
            on.here.leave(somebody(1))
            await on.elapse(on.rig.hold_back + BIT)
            assert on.here.shown(VISITOR).version == versions[2]

    async def test_the_version_that_a_signal_names_is_the_visitors(self) -> None:
        async with self.running() as on:
            on.here.report()
            on.here.report(somebody(1))
            await on.elapse(BIT)
            assert on.here.ears.presences[-1].version == on.here.shown(VISITOR).version
            assert on.here.ears.presences[-1].count == 2


__all__ = ["ViewersContract"]
