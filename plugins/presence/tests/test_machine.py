"""Any events at two or three instances, with rosters in any order: once they have received all, they agree on the
truth."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from umbral_chat.errors import TooManyRequests

from .world import World

PEOPLE = st.integers(0, 3)
DEVICES = st.sampled_from(["a", "b", "c"])


class PresenceMachine(RuleBasedStateMachine):
    """Reports, leaves, typing, crashes and time, with rosters that are lost, late, repeated and out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(skews=st.lists(st.integers(-100, 100), min_size=2, max_size=3))
    def begin(self, skews: list[int]) -> None:
        self.world = World(skews=tuple(skews))

    def _at(self, data: Any) -> int:
        # Two things at two instances within the difference of their clocks may come in any order.
        self.world.elapse(0.5)
        index: int = data.draw(st.integers(0, len(self.world.engines) - 1), label="instance")
        return index

    @rule(
        data=st.data(),
        who=PEOPLE,
        device=DEVICES,
        status=st.sampled_from(["online", "away", "busy"]),
        ttl=st.sampled_from([None, 20.0, 90.0]),
    )
    def report(self, data: Any, who: int, device: str, status: str, ttl: float | None) -> None:
        self.world.report(self._at(data), who, device, status=status, ttl=ttl)

    @rule(data=st.data(), who=PEOPLE, device=DEVICES)
    def leave(self, data: Any, who: int, device: str) -> None:
        self.world.leave(self._at(data), who, device)

    @rule(data=st.data(), who=PEOPLE, device=DEVICES)
    def renew(self, data: Any, who: int, device: str) -> None:
        self.world.renew(self._at(data), who, device)

    @rule(data=st.data(), who=PEOPLE, typing=st.booleans())
    def type(self, data: Any, who: int, typing: bool) -> None:
        self.world.type(self._at(data), who, typing)

    @rule(data=st.data(), who=PEOPLE)
    def write(self, data: Any, who: int) -> None:
        self.world.write(self._at(data), who)

    @rule(seconds=st.sampled_from([0.5, 2.0, 10.0, 16.0, 50.0]))
    def elapse(self, seconds: float) -> None:
        self.world.elapse(seconds)

    @rule(data=st.data())
    def send(self, data: Any) -> None:
        self.world.send(self._at(data))

    @precondition(lambda self: self.world.parcels)
    @rule(data=st.data())
    def deliver(self, data: Any) -> None:
        self.world.deliver(data.draw(st.sampled_from(self.world.parcels[-12:])), self._at(data))

    @rule()
    def sync(self) -> None:
        self.world.sync()
        self._agree()

    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        index = self._at(data)
        self.world.parcels = [one for one in self.world.parcels if one.instance != self.world.engines[index].instance]
        self.world.crash(index)
        self.world.alive.clear()  # who was there and is elsewhere, too, is not kept account of

    @invariant()
    def counts_add_up(self) -> None:
        for state in self.world.states():
            presence = state.presence
            assert presence.count == len(presence.people) == sum(presence.counts.values())
            assert len({one.person for one in presence.people}) == presence.count
            assert all(one.devices for one in presence.people), "somebody is here without a device"

    def _agree(self) -> None:
        first, *others = self.world.states()
        for state in others:
            assert state.presence == first.presence
            assert state.presence.version == first.presence.version
            assert state.typing == first.typing

    def teardown(self) -> None:
        world = self.world
        world.sync()
        self._agree()
        # People who report stay, and all others expire.
        world.elapse(0.5)
        survivors = {("id:p0", "a"), ("id:p1", "b")}
        for _ in range(12):
            for index, (key, device) in enumerate(sorted(survivors)):
                with_whom = (round(world.now) + index) % len(world.engines)
                world.report(with_whom, int(key[-1]), device, ttl=30.0)
            world.elapse(10.0)
            world.sync()
            self._agree()
            assert survivors <= world.devices()
        assert world.devices() == survivors
        assert [state.typing for state in world.states()] == [[]] * len(world.engines)
        world.elapse(32.0)
        world.sync()
        assert world.devices() == set()
        # Nothing is left but who was here.
        world.elapse(world.settings.longest_ttl + 1)
        world.sync()
        for engine in world.engines:
            assert not any(room.people or room.typists for room in engine.rooms.all.values())
            assert not engine.rooms.any_present


TestPresence = PresenceMachine.TestCase
TestPresence.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rosters_merge_the_same_in_any_order_and_any_number_of_times(data: Any) -> None:
    world = World()
    for _ in range(data.draw(st.integers(3, 15))):
        index = data.draw(st.integers(0, 1))
        world.elapse(0.5)
        if data.draw(st.booleans()):
            world.report(index, data.draw(PEOPLE), data.draw(DEVICES))
        else:
            world.leave(index, data.draw(PEOPLE), data.draw(DEVICES))
        if data.draw(st.booleans()):
            world.type(index, data.draw(PEOPLE), True)
        world.send(index)
        if data.draw(st.booleans()):
            world.deliver(data.draw(st.sampled_from(world.parcels)), 1 - index)
    # The third has received nothing yet. Now it receives all, as another did in the order in which they were sent.
    expected = World(skews=(0,), prefix="x")
    expected.now = world.now
    for parcel in world.parcels:
        expected.deliver(parcel, 0)
    for parcel in data.draw(st.permutations(world.parcels + world.parcels)):
        world.deliver(parcel, 2)
    found, wanted = world.states()[2], expected.states()[0]
    assert found.presence == wanted.presence
    assert found.typing == wanted.typing


RELOADS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["same", "new"]),
        st.floats(0.5, World().settings.hold_back - 1.0),
        st.floats(0.5, 14.0),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=80, deadline=None)
@given(reloads=RELOADS, lag=st.floats(0.0, 1.0))
def test_nobody_is_seen_to_leave_who_is_back_within_the_hold_back(
    reloads: list[tuple[int, str, float, float]], lag: float
) -> None:
    world = World()
    device, tabs = "tab 0", 0
    world.report(0, 0, device)
    world.report(0, 1, "bystander", ttl=300.0)
    world.sync()
    world.elapse(2.0)
    since = world.states()[0].presence.people[0].since
    joined = len(world.joined)
    for index, kind, away, back in reloads:
        world.leave(index, 0, device)
        world.elapse(min(lag, away))
        world.sync()
        world.elapse(away - min(lag, away))
        if kind == "new":
            tabs += 1
            device = f"tab {tabs}"
        world.report((index + tabs) % 3, 0, device)
        world.elapse(lag)
        world.sync()
        world.elapse(back)
        for state in world.states():
            people = {one.id: one for one in state.presence.people}
            assert people["p0"].since == since
    assert world.left == []
    assert len(world.joined) == joined
    world.elapse(world.settings.hold_back + 1)
    world.sync()
    assert {at for at in world.devices() if at[0] == "id:p0"} == {("id:p0", device)}


@settings(max_examples=40, deadline=None)
@given(index=st.integers(0, 2), tabs=st.integers(1, 30))
def test_new_devices_without_end_are_refused_or_forgotten(index: int, tabs: int) -> None:
    world = World()
    refused = 0
    for tab in range(tabs):
        try:
            world.report(index, 0, f"tab {tab}")
        except TooManyRequests:
            refused += 1
    assert refused == max(0, tabs - world.settings.devices_per_person)
    for tab in range(tabs):
        world.leave(index, 0, f"tab {tab}")
        world.report(index, 0, "the last")
        world.leave(index, 0, "the last")
    room = world.engines[index].rooms.all["room"]
    assert len(room.people["id:p0"].mine) <= 3 * world.settings.devices_per_person + 1
