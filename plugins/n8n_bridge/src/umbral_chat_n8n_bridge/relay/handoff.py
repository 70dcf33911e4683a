"""Hand-over: while an agent answers a conversation, no workflow does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from umbral_chat.model.entries import Entry, Message, Update
from umbral_chat.model.requests import PatchBody

if TYPE_CHECKING:
    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.chats import Chat

LOOK_BACK = 200
"""Entries before a message among which the last one of an agent is looked for."""


def last_of_agents(entries: Sequence[Entry]) -> datetime | None:
    """When an agent last wrote or was handed the conversation; the time of the oldest of `entries` where none of them
    is that; None: there are none."""
    times = [
        entry.at
        for entry in entries
        if (isinstance(entry, Message) and entry.sender.role == "agent")
        or (isinstance(entry, Update) and entry.changes.responder == "human")
    ]
    return max(times, default=entries[0].at if entries else None)


def pause_is_over(entries: Sequence[Entry], pause: float, now: datetime) -> bool:
    """Whether no agent was active for `pause` seconds; 0: such a pause changes nothing."""
    if pause <= 0:
        return False
    last = last_of_agents(entries)
    return last is None or now - last >= timedelta(seconds=pause)


async def agent_answers(services: Services, chat: Chat, conversation: str, seq: int) -> tuple[bool, int]:
    """Whether an agent answers the message `seq`, and the head at which that was so. A hand-over that lasts for longer
    than `handoff_pause` without an agent's message is ended here, by an entry that everyone sees. Raises
    HistoryUnavailable and ConversationDeleted."""
    found = await services.storage.history.conversation(conversation)
    if found is None or found.responder != "human":
        return False, seq if found is None else found.head
    pause = chat.settings.handoff_pause
    page = await services.storage.history.read(conversation, max(0, seq - 1 - LOOK_BACK), LOOK_BACK)
    entries = [entry for entry in page.entries if entry.seq < seq]
    if not pause_is_over(entries, pause, services.base.clock.now()):
        return True, found.head
    await services.chat.patch(
        chat.principal, conversation, PatchBody(responder="assistant", client_id=f"n8n-back-{found.epoch}-{seq}"), None
    )
    return False, found.head


__all__ = ["LOOK_BACK", "agent_answers", "last_of_agents", "pause_is_over"]
