"""Guarantees between two instances when no signal arrives: through the store alone, and during its outage."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.testing.presence.base import PresenceSuite
from umbral_chat.testing.presence.devices import BIT
from umbral_chat.testing.presence.rig import OPERATOR, RunningPresence, ann, running, somebody
from umbral_chat.testing.presence.typing import BOT


class FallbackContract(PresenceSuite):
    """`other` is another instance on the same store, and is notified of the first only through it."""

    soon: float = 10.0
    """Seconds within which an instance knows through the store alone what happened at another."""

    def alone(self) -> AbstractAsyncContextManager[RunningPresence]:
        """The instances running, without any signal between them."""
        return running(self.rig(), mode="polling", wired=False)

    async def test_who_is_at_one_instance_is_known_at_the_other_by_the_store(self) -> None:
        async with self.alone() as on:
            on.there.shown()
            on.here.report()
            on.here.presence.typing("room", BOT, True)
            await on.elapse(self.soon)
            assert on.there.shown() == on.here.shown()
            assert on.there.types() == ["bot"]
            assert on.there.ears.changed

    async def test_settled_waits_for_what_others_know(self) -> None:
        async with self.alone() as on:
            on.here.report()
            await on.elapse(self.soon)
            await on.there.settled()
            assert on.there.ids() == ["ann"]

    async def test_a_message_that_is_faster_than_the_typing_ends_it(self) -> None:
        async with self.alone() as on:
            on.here.presence.typing("room", BOT, True)
            await on.elapse(0.25)
            on.there.presence.wrote("room", BOT)
            on.there.shown()
            await on.elapse(2 * self.soon)
            assert on.there.types() == []
            assert on.here.types() == []

    async def test_nobody_types_for_ever_when_no_signal_arrives(self) -> None:
        async with self.alone() as on:
            on.there.shown()
            on.here.presence.typing("room", ann(), True)
            await on.elapse(on.rig.typing_ttl + self.soon)
            assert on.there.types() == []

    async def test_it_is_known_at_the_other_who_was_here(self) -> None:
        async with self.alone() as on:
            on.here.report()
            await on.elapse(BIT)
            on.here.leave()
            await on.elapse(on.rig.hold_back + self.soon)
            await on.there.settled()
            assert on.there.shown().last_seen == on.here.shown().last_seen != []

    async def test_without_a_store_nobody_can_tell_who_is_elsewhere(self) -> None:
        async with self.alone() as on:
            await on.rig.cut()
            on.here.report()
            with pytest.raises(HistoryUnavailable):
                await on.here.settled()
            assert on.here.ids() == ["ann"], "who is here is known nevertheless"
            await on.rig.mend()
            await on.elapse(self.soon)
            await on.here.settled()

    async def test_an_outage_of_the_store_makes_nobody_leave(self) -> None:
        async with self.alone() as on:
            on.here.shown(), on.there.shown()
            on.here.report()
            on.there.report(somebody(1))
            await on.elapse(self.soon)
            await on.rig.cut()
            for _ in range(8):
                await on.elapse(on.rig.ttl / 3)
                on.here.report()
                on.there.report(somebody(1))
                assert set(on.here.ids()) == {"ann", "u1"}
            await on.rig.mend()
            for _ in range(6):
                await on.elapse(self.soon / 2)
                on.here.report()
                on.there.report(somebody(1))
            assert on.here.shown() == on.there.shown()
            assert set(on.there.ids()) == {"ann", "u1"}

    async def test_what_happened_in_an_outage_is_known_afterwards(self) -> None:
        async with self.alone() as on:
            on.here.shown(), on.there.shown()
            await on.elapse(self.soon)
            await on.rig.cut()
            on.here.report()
            on.there.report(somebody(1))
            await on.elapse(self.soon)
            await on.rig.mend()
            await on.elapse(2 * self.soon)
            assert on.here.shown(OPERATOR) == on.there.shown(OPERATOR)
            assert on.here.shown().count == 2


__all__ = ["FallbackContract"]
