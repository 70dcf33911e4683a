"""Typing: it ends by itself, with the message, and when its person leaves."""

from __future__ import annotations

from datetime import timedelta

from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import Person
from umbral_chat.testing.presence.base import PresenceSuite
from umbral_chat.testing.presence.devices import BIT
from umbral_chat.testing.presence.rig import VISITOR, ann

BOT = Sender("assistant", "bot", "Bot")


class TypingContract(PresenceSuite):
    """The guarantees about typing."""

    async def test_typing_shows_at_once_and_ends_by_itself(self) -> None:
        async with self.running() as on:
            answer = on.here.presence.typing("room", ann(), True)
            assert (answer.typing, answer.expires_in, answer.listed) == (True, on.rig.typing_ttl, True)
            assert on.here.types() == ["ann"]
            assert on.here.ears.changed == ["room"]
            (signal,) = on.here.ears.typings
            assert (signal.typing, signal.role, signal.name) == (True, "user", "Ann")
            assert [signal.person] == on.here.types(VISITOR)
            await on.elapse(on.rig.typing_ttl - 0.5)
            assert on.here.types() == ["ann"]
            await on.elapse(0.5 + BIT)
            assert on.here.types() == []
            assert [one.typing for one in on.here.ears.typings] == [True, False]
            assert on.here.ears.changed == ["room"] * 2

    async def test_saying_so_again_renews_it(self) -> None:
        async with self.running() as on:
            for _ in range(5):
                on.here.presence.typing("room", ann(), True)
                await on.elapse(on.rig.typing_ttl / 2)
                assert on.here.types() == ["ann"]
            assert all(one.typing for one in on.here.ears.typings)
            assert on.here.ears.changed == ["room"], "going on is no news"
            assert len(on.here.ears.typings) > 1, "who listens on a channel would take it for over"

    async def test_it_lasts_as_long_as_was_said(self) -> None:
        async with self.running() as on:
            answer = on.here.presence.typing("room", ann(), True, seconds=3 * on.rig.typing_ttl)
            assert answer.expires_in == 3 * on.rig.typing_ttl
            await on.elapse(2 * on.rig.typing_ttl)
            assert on.here.types() == ["ann"]
            await on.elapse(on.rig.typing_ttl + BIT)
            assert on.here.types() == []

    async def test_the_assistant_types_for_longer(self) -> None:
        async with self.running() as on:
            answer = on.here.presence.typing("room", BOT, True)
            assert answer.expires_in == on.rig.assistant_typing_ttl > on.rig.typing_ttl
            await on.elapse(on.rig.assistant_typing_ttl - 1)
            assert on.here.types() == ["bot"]
            await on.elapse(1 + BIT)
            assert on.here.types() == []

    async def test_stopping_ends_it(self) -> None:
        async with self.running() as on:
            on.here.presence.typing("room", ann(), True)
            await on.elapse(1.25)
            answer = on.here.presence.typing("room", ann(), False)
            assert (answer.typing, answer.expires_in) == (False, 0)
            assert on.here.types() == []
            assert [one.typing for one in on.here.ears.typings] == [True, False]

    async def test_a_message_ends_the_typing_of_who_wrote_it(self) -> None:
        async with self.running() as on:
            on.here.presence.typing("room", BOT, True)
            on.here.presence.typing("room", ann(), True)
            await on.elapse(BIT)
            on.here.presence.wrote("room", BOT)
            assert on.here.types() == ["ann"]
            await on.elapse(BIT)
            assert [one.role for one in on.here.ears.typings if not one.typing] == ["assistant"]
            on.here.presence.typing("room", BOT, True)
            assert "bot" in on.here.types(), "it may type again"

    async def test_only_who_is_of_the_same_kind_ends_somebodys_typing(self) -> None:
        async with self.running() as on:
            visitor, user = Person("user", "ann"), Person("user", "ann", kind="user")
            for one in (visitor, user):
                assert on.here.presence.typing("room", one, True).typing
            assert on.here.types() == ["ann", "ann"]
            on.here.presence.typing("room", visitor, False)
            assert on.here.types() == ["ann"]
            on.here.presence.wrote("room", visitor)
            assert on.here.types() == ["ann"], "a visitor's message ended the typing of a user of the same id"
            on.here.presence.wrote("room", user)
            assert on.here.types() == []

    async def test_a_message_that_is_found_ends_only_what_began_before_it(self) -> None:
        async with self.running() as on:
            clock = on.rig.clock
            on.here.presence.typing("room", BOT, True)
            on.here.presence.wrote("room", BOT, clock.now() - timedelta(seconds=5))
            assert on.here.types() == ["bot"], "an old message ended it"
            await on.elapse(5)
            on.here.presence.wrote("room", BOT, clock.now() - timedelta(seconds=1))
            assert on.here.types() == []

    async def test_typing_ends_when_its_person_leaves(self) -> None:
        async with self.running() as on:
            on.here.report(device="one")
            on.here.report(device="two")
            on.here.presence.typing("room", ann(), True, seconds=on.rig.assistant_typing_ttl)
            on.here.leave(device="one")
            assert on.here.types() == ["ann"]
            on.here.leave(device="two")
            assert on.here.types() == [], "it is held back"

    async def test_typing_ends_when_its_person_expires(self) -> None:
        async with self.running() as on:
            on.here.report(ttl=on.rig.ttl / 2)
            on.here.presence.typing("room", ann(), True, seconds=on.rig.assistant_typing_ttl)
            await on.elapse(on.rig.ttl / 2 + BIT)
            assert on.here.types() == []

    async def test_whoever_types_need_not_be_here(self) -> None:
        async with self.running() as on:
            on.here.presence.typing("room", BOT, True)
            assert on.here.shown().count == 0
            assert on.here.types() == ["bot"]

    async def test_a_deleted_conversation_has_nobody_who_types(self) -> None:
        async with self.running() as on:
            on.here.presence.typing("room", BOT, True)
            on.here.presence.forget("room")
            assert on.here.types() == []


__all__ = ["BOT", "TypingContract"]
