"""Ids: whatever an id of a platform looks like, its log and its messages are found under it and under no other."""

from __future__ import annotations

from umbral_chat.model.conversations import Deleted
from umbral_chat.model.ids import decode_id, encode_id
from umbral_chat.testing.storage import StorageContract, edit, redact, send

ROOMS = (
    "4917012345678@s.whatsapp.net",
    "whatsapp:+4917012345678",
    "Jane.O'Brien+tickets@example.com",
    "19:3f8a1b@thread.v2;messageid=1700000000000",
    "19:3f8a1b@thread.v2",
    "!kZmYtqWcBx:matrix.example.org",
    "@jane:matrix.example.org",
    "#general:matrix.example.org",
    "spaces/AAAAx8Kbm1c/threads/q1",
    "<CAF+x=9@mail.example.com>",
    "sip:jane@example.com;transport=tls",
    "*GATEWAY",
    "Schöne Grüße 100%",
)
"""What platforms call a conversation: WhatsApp, Twilio, e-mail, Teams, Matrix, Google Chat, SIP, Threema and others."""

MESSAGES = (
    "wamid.HBgNNDkxNzAxMjM0NTY3OBUCABIYFjNFQjA/QzQ+NzA=",
    "$15163622445EBvZJ:localhost",
    "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg",
    "mid.$cAAJsujCd2ORkHXKOlFbzDVzHoH8F",
)
"""What platforms call a message: WhatsApp, Matrix, Messenger."""


class NamingContract(StorageContract):
    """An id is text that is compared exactly."""

    async def test_conversations_and_messages_have_the_ids_of_their_platforms(self) -> None:
        async with self.rig() as rig:
            ids = [encode_id(room) for room in ROOMS]
            for conversation in ids:
                for message in MESSAGES:
                    await send(rig.storage.history, message, conversation, message_id=encode_id(message))
                await edit(rig.storage.history, encode_id(MESSAGES[0]), "edited", conversation)
                await redact(rig.storage.history, encode_id(MESSAGES[1]), conversation)
            history = rig.other.history
            heads = await history.heads(ids)
            assert {decode_id(conversation) for conversation in heads} == set(ROOMS)
            inbox = await history.conversations(limit=100)
            assert {decode_id(one.id) for one in inbox.conversations} == set(ROOMS)
            for conversation in ids:
                page = await history.messages(conversation, limit=100)
                assert [decode_id(message.message_id) for message in page.messages] == list(MESSAGES)
                assert [message.content for message in page.messages] == ["edited", "", *MESSAGES[2:]]
                for message in MESSAGES:
                    found = await history.message(conversation, encode_id(message))
                    assert found is not None
                    assert found.message_id == encode_id(message)

    async def test_ids_that_differ_in_case_or_in_a_sign_are_different_conversations(self) -> None:
        async with self.rig() as rig:
            near = ["jane@example.com", "Jane@example.com", "jane%@example.com", "jane_@example.com", "jane*", "jane"]
            ids = [encode_id(one) for one in near]
            for conversation in ids:
                await send(rig.storage.history, conversation, conversation)
            await rig.storage.history.delete(ids[0])
            heads = await rig.other.history.heads(ids)
            assert [conversation for conversation in ids if isinstance(heads[conversation], Deleted)] == ids[:1]
            for conversation in ids[1:]:
                page = await rig.other.history.messages(conversation, limit=10)
                assert [message.content for message in page.messages] == [conversation]


__all__ = ["NamingContract"]
