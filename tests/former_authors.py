"""What both stores hold to: a log of a version that knew no kinds of authors goes on, for whoever wrote it."""

from __future__ import annotations

from umbral_chat.errors import Forbidden
from umbral_chat.providers.history import History
from umbral_chat.testing.storage import edit, expect_error, message_id_of, redact, send

UUID = "8d7d7a4c-3d0e-4b3a-9c55-3f2b8f9f1b11"


class FormerAuthors:
    """Its fixture `history` is an empty history."""

    async def test_a_retry_across_the_upgrade_is_answered_with_the_first(self, history: History) -> None:
        first = await send(history, "once", subject="visitor-7", key="k")
        again = await send(history, "once", subject="token:visitor-7", key="k")
        assert (again.created, again.entry) == (False, first.entry)
        # In one group commit as well, and for nobody else.
        assert (await send(history, "another's", subject="token:other", key="k")).created
        assert (await send(history, "a key's", subject="key:visitor-7", key="k")).created

    async def test_own_messages_of_before_are_still_ones_own(self, history: History) -> None:
        visitors = message_id_of(await send(history, "a", subject="visitor-7"))
        users = message_id_of(await send(history, "b", subject=UUID))
        await edit(history, visitors, "mine", subject="token:visitor-7", own_only=True)
        await edit(history, users, "mine", subject=f"user:{UUID}", own_only=True)
        for stranger in ("token:other", "user:visitor-8", "key:visitor-7"):
            await expect_error(
                edit(history, visitors, "x", subject=stranger, own_only=True), Forbidden, "not_your_message"
            )
        # Nobody can tell by now whether a token or the user of this id wrote it: it is the user's.
        await expect_error(
            edit(history, users, "x", subject=f"token:{UUID}", own_only=True), Forbidden, "not_your_message"
        )
        await redact(history, users, subject=f"user:{UUID}", own_only=True)

    async def test_messages_of_now_are_of_one_kind_alone(self, history: History) -> None:
        users = message_id_of(await send(history, "a", subject=f"user:{UUID}"))
        tokens = message_id_of(await send(history, "b", subject=f"token:{UUID}"))
        await expect_error(
            edit(history, users, "x", subject=f"token:{UUID}", own_only=True), Forbidden, "not_your_message"
        )
        await expect_error(
            redact(history, users, subject=f"token:{UUID}", own_only=True), Forbidden, "not_your_message"
        )
        await expect_error(
            edit(history, tokens, "x", subject=f"user:{UUID}", own_only=True), Forbidden, "not_your_message"
        )
        # A subject that looks like an author is not that author.
        await expect_error(
            edit(history, tokens, "x", subject=f"token:token:{UUID}", own_only=True), Forbidden, "not_your_message"
        )
        await edit(history, tokens, "mine", subject=f"token:{UUID}", own_only=True)

    async def test_a_marker_goes_on_from_where_it_was(self, history: History) -> None:
        for number in range(4):
            await send(history, f"n{number}", subject="visitor-7" if number == 1 else "key:n8n")
        await history.mark_read("room", "visitor-7", 3)

        async def unread(subject: str) -> int:
            found = await history.conversation("room", subject=subject)
            assert found is not None
            page = await history.conversations(limit=1, subject=subject)
            assert page.conversations[0].unread == found.unread
            return found.unread

        assert await unread("token:visitor-7") == 1
        assert await history.mark_read("room", "token:visitor-7", 1) == 3
        assert await history.mark_read("room", "token:visitor-7", 4) == 4
        assert await unread("token:visitor-7") == 0
        # What it wrote before is its own, and what others wrote is not.
        assert await unread("token:other") == 4
        assert await unread("key:n8n") == 1

    async def test_a_kind_has_a_marker_of_its_own(self, history: History) -> None:
        for number in range(3):
            await send(history, f"n{number}", subject="key:n8n")
        assert await history.mark_read("room", f"user:{UUID}", 3) == 3
        assert await history.mark_read("room", f"token:{UUID}", 1) == 1


__all__ = ["FormerAuthors"]
