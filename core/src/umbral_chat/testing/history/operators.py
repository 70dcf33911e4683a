"""An inbox that operators share: what it is filtered by, and taking a conversation over."""

from __future__ import annotations

import asyncio
from typing import Any

from umbral_chat.errors import Conflict, InvalidRequest, TakeoverConflict
from umbral_chat.model.conversations import InboxFilter
from umbral_chat.model.entries import Changes, Sender, Update
from umbral_chat.model.writes import Appended, WriteUpdate
from umbral_chat.providers.history import History, OperatorInbox
from umbral_chat.testing.storage import StorageContract, expect_error, message_id_of, read_all, redact, send, update

AGENT, BOT = Sender(role="agent"), Sender(role="assistant")


class OperatorInboxContract(StorageContract):
    """One test for each guarantee of `umbral_chat.providers.history.OperatorInbox`."""

    async def test_waiting_is_open_with_a_user_s_message_last(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for name in ("asked", "answered", "closed", "reopened", "titled", "taken"):
                await send(history, conversation=name)
            await send(history, conversation="answered", sender=BOT)
            await update(history, "closed", status="closed")
            await update(history, "reopened", status="closed")
            await send(history, conversation="reopened")
            await update(history, "titled", title="An update is no answer")
            await update(history, "taken", responder="human", assignee="a")
            await update(history, "empty", title="Nobody wrote")
            waiting = {"asked", "reopened", "titled", "taken"}
            assert await names(rig.other.history, waiting=True) == waiting
            assert await names(rig.other.history, waiting=False) == {"answered", "closed", "empty"}
            assert await names(rig.other.history, waiting=True, status="closed") == set()
            assert await names(rig.other.history, waiting=False, status="closed") == {"closed"}
            await send(history, conversation="asked", sender=AGENT)
            assert await names(rig.other.history, waiting=True) == waiting - {"asked"}
            message = message_id_of(await send(history, conversation="asked"))
            await redact(history, message, "asked")
            assert await names(rig.other.history, waiting=True) == waiting, "a redacted message is still the last one"
            # One that is refused in a group of writes changes nothing for the others.
            lone = asyncio.gather(
                send(history, "\ud800", "answered"),
                update(history, "answered", title="Answered"),
                return_exceptions=True,
            )
            assert isinstance((await lone)[0], InvalidRequest)
            assert await names(rig.other.history, waiting=True) == waiting

    async def test_an_assignee_is_picked_or_none(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await update(history, "c1", assignee="désk")
            await update(history, "c2", assignee="DÉSK")
            await update(history, "c3", title="of nobody")
            await update(history, "c4", assignee="désk")
            await update(history, "c4", assignee=None)
            assert await names(rig.other.history, assignee="désk") == {"c1"}
            assert await names(rig.other.history, assignee="DÉSK") == {"c2"}
            assert await names(rig.other.history, assignee=None) == {"c3", "c4"}
            assert await names(rig.other.history, assignee="%") == set()
            found = (await page(rig.other.history, assignee="désk", limit=9)).conversations
            assert [one.assignee for one in found] == ["désk"]

    async def test_a_text_is_searched_for_in_titles_and_ids(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await update(history, "order-1001", title="Über 50% off_er")
            await update(history, "Order-1002", title='A "quote" \\ and\nlines')
            await update(history, "o3", title="order", metadata={"title": "hidden"}, members=[])
            await update(history, "o4", metadata={"note": "order"})
            await send(history, "order", "o5")
            for text, expected in (
                ("ORDER", {"order-1001", "Order-1002", "o3"}),
                ("order-100", {"order-1001", "Order-1002"}),
                ("ÜBER", {"order-1001"}),
                ("50%", {"order-1001"}),
                ("5%f", set()),
                ("off_er", {"order-1001"}),
                ("r_10", set()),
                ("*", set()),
                ('"quote" \\', {"Order-1002"}),
                ("and\nlines", {"Order-1002"}),
                ("hidden", set()),
                ("o", {"order-1001", "Order-1002", "o3", "o4", "o5"}),
                ("title", set()),
            ):
                assert await names(rig.other.history, text=text) == expected, text
            await update(history, "o3", title=None)
            assert await names(rig.other.history, text="order") == {"order-1001", "Order-1002"}

    async def test_filters_are_combined_and_paged_in_the_inbox_s_order(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for number in range(24):
                name = f"c{number:02}"
                await send(history, name, name, sender=(AGENT, Sender(role="user"))[number % 2])
                await update(history, name, title=("Refund", "Delivery")[number % 3 == 0], assignee=f"a{number % 4}")
            everything = [one.id for one in (await history.conversations(limit=100)).conversations]
            for wanted, chosen in (
                (InboxFilter(), range(24)),
                (InboxFilter(waiting=True, assignee="a3"), range(3, 24, 4)),
                (InboxFilter(waiting=True, assignee="a3", text="refund"), (7, 11, 19, 23)),
                (InboxFilter(status="open", text="DELIVERY"), range(0, 24, 3)),
            ):
                expected = [name for name in everything if int(name[1:]) in set(chosen)]
                for limit in (1, 3, 100):
                    assert await _all(rig.other.history, wanted, limit) == expected, (wanted, limit)

    async def test_unread_and_places_are_those_of_the_inbox(self) -> None:
        async with self.rig() as rig:
            history = _inbox(rig.storage.history)
            for name in ("a", "b", "c"):
                await send(rig.storage.history, conversation=name)
            for sought in (InboxFilter(waiting=True), InboxFilter(text="a")):
                (first, *_) = (await history.search(sought, limit=5, subject="reader")).conversations
                assert first.unread == 1
                assert first == await rig.other.history.conversation(first.id, subject="reader")
                for before in ("x", "", "é"):
                    await expect_error(history.search(sought, limit=5, before=before), InvalidRequest, "invalid_cursor")

    async def test_of_many_takers_one_succeeds_and_the_others_learn_who(self) -> None:
        async with self.rig() as rig:
            sides = (_inbox(rig.storage.history), _inbox(rig.other.history))
            for room in ("one", "two", "three"):
                await send(rig.storage.history, conversation=room)
                answers = await asyncio.gather(
                    *(sides[number % 2].take(taking(f"agent-{number}", room)) for number in range(16)),
                    return_exceptions=True,
                )
                (winner,) = [answer for answer in answers if isinstance(answer, Appended)]
                assert isinstance(winner.entry, Update)
                assert winner.entry.changes.responder == "human"
                refused = [answer for answer in answers if isinstance(answer, TakeoverConflict)]
                assert len(refused) == 15
                assert {error.assignee for error in refused} == {winner.entry.changes.assignee}
                assert {error.code for error in refused} == {"already_taken"}
                assert len(await read_all(rig.other.history, room)) == 2, "a refused taker wrote"
                found = await rig.other.history.conversation(room)
                assert found is not None
                assert (found.responder, found.assignee) == ("human", winner.entry.changes.assignee)

    async def test_a_conversation_is_taken_again_given_back_and_handed_over(self) -> None:
        async with self.rig() as rig:
            history, inbox = rig.storage.history, _inbox(rig.storage.history)
            await inbox.take(taking("a"))
            assert (await inbox.take(taking("a"))).created, "who has it may take it again"
            await expect_error(inbox.take(taking("b")), TakeoverConflict, "already_taken")
            await update(history, responder="assistant", assignee=None)
            await inbox.take(taking("b"))
            await update(history, assignee="c")
            await expect_error(_inbox(rig.other.history).take(taking("b")), TakeoverConflict, "already_taken")
            found = await rig.other.history.conversation("room")
            assert found is not None
            assert (found.responder, found.assignee) == ("human", "c")

    async def test_a_repeated_key_is_answered_with_the_first_entry(self) -> None:
        async with self.rig() as rig:
            inbox = _inbox(rig.storage.history)
            first = await inbox.take(taking("a", key="k"))
            await update(rig.storage.history, assignee="b")
            again = await _inbox(rig.other.history).take(taking("a", key="k"))
            assert (again.created, again.entry) == (False, first.entry)
            await expect_error(inbox.take(taking("c", key="k")), Conflict, "idempotency_conflict")

    async def test_a_deleted_conversation_forgets_its_assignee(self) -> None:
        async with self.rig() as rig:
            inbox = _inbox(rig.storage.history)
            await inbox.take(taking("a"))
            await rig.storage.history.delete("room")
            assert await names(rig.other.history, assignee="a") == set()
            made, _ = await rig.storage.history.ensure("room")
            assert (made.assignee, made.responder) == (None, "assistant")
            assert (await _inbox(rig.other.history).take(taking("b"))).created


def taking(assignee: str, conversation: str = "room", *, key: str | None = None) -> WriteUpdate:
    """The update by which an agent takes a conversation over."""
    return WriteUpdate(
        conversation=conversation,
        subject="desk",
        sender=AGENT,
        key=key,
        changes=Changes(responder="human", assignee=assignee),
    )


async def page(history: History, *, limit: int, **sought: Any) -> Any:
    """One page of a search."""
    return await _inbox(history).search(InboxFilter(**sought), limit=limit)


async def names(history: History, **sought: Any) -> set[str]:
    """The ids of all conversations that are found."""
    return set(await _all(history, InboxFilter(**sought), 100))


async def _all(history: History, sought: InboxFilter, limit: int) -> list[str]:
    found: list[str] = []
    before: str | None = None
    while True:
        one = await _inbox(history).search(sought, limit=limit, before=before)
        assert len(one.conversations) <= limit
        found += [conversation.id for conversation in one.conversations]
        if one.before is None:
            return found
        before = one.before


def _inbox(history: History) -> OperatorInbox:
    assert isinstance(history, OperatorInbox)
    return history


__all__ = ["OperatorInboxContract"]
