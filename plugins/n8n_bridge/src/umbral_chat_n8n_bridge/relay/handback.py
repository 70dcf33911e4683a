"""Handing conversations back to the assistant by themselves, when no agent has written for `handoff_pause` seconds.

Each hand-over is a record of the shared store until it is over, so that it outlives the instance. The keys begin with
the time at which it is due: the first ones are all that has to be looked at.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from umbral_chat.errors import ConversationDeleted, HistoryUnavailable, RequestError
from umbral_chat.model.requests import PatchBody

from umbral_chat_n8n_bridge.relay.handoff import LOOK_BACK, last_of_agents

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.model.entries import Update

    from umbral_chat_n8n_bridge.chats import Chat

log = logging.getLogger(__name__)

NAMESPACE = "n8n.handed_over"

AT_ONCE = 100
"""Hand-overs that are looked at in one go."""

SHORTEST, LONGEST = 0.2, 15.0
"""Bounds of the seconds between two looks; between them it is a tenth of the pause, which so much later ends."""

KEPT = 30 * 86_400.0
"""Seconds after which a hand-over is not looked at any more, should its conversation never be found."""


class HandoverRecord(msgspec.Struct, frozen=True):
    """One hand-over: the conversation and its `update`."""

    conversation: str
    epoch: str
    seq: int


class HandoverTimer:
    """The hand-overs of one chat."""

    def __init__(self, chat: Chat, services: Services) -> None:
        self._chat = chat
        self._services = services
        self._pause = timedelta(seconds=chat.settings.handoff_pause)
        self._holder = uuid4().hex

    async def remember(self, conversation: str, epoch: str, entry: Update) -> None:
        """A conversation was handed over. Raises HistoryUnavailable."""
        await self._put(HandoverRecord(conversation, epoch, entry.seq), entry.at + self._pause)

    async def run(self) -> None:
        """Hand back what is due, on one instance at a time, until cancelled."""
        pause, clock = self._pause.total_seconds(), self._services.base.clock
        every = min(LONGEST, max(SHORTEST, pause / 10))
        while True:
            await clock.sleep(every * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load, guards nothing
            try:
                store = self._services.storage.store
                if await store.acquire(f"{NAMESPACE}.{self._chat.name}", self._holder, 3 * every) is not None:
                    await self.look()
            except HistoryUnavailable:
                continue  # HistoryHealth logs it, once

    async def look(self) -> None:
        """Hand back what is due now. Raises HistoryUnavailable."""
        store, now = self._services.storage.store, self._services.base.clock.now()
        due = await store.scan(NAMESPACE, prefix=f"{self._chat.name}/", limit=AT_ONCE)
        for key, record in due.items():
            if key > self._key(now, "\x7f"):
                return
            one = _decoder.decode(record.value)
            try:
                later = await self._look_at(one, now)
            except ConversationDeleted:
                later = None
            except HistoryUnavailable:
                raise
            except RequestError as error:
                log.warning("n8n: a conversation was not handed back: %s", error.code)
                later = now + self._pause
            if later is not None:
                await self._put(one, later)
            await store.delete(NAMESPACE, key)

    async def _look_at(self, one: HandoverRecord, now: datetime) -> datetime | None:
        """Hand it back if it is due. When it is due, else; None: it is over."""
        history = self._services.storage.history
        found = await history.conversation(one.conversation)
        if found is None or found.epoch != one.epoch or found.responder != "human":
            return None
        page = await history.read(one.conversation, max(one.seq - 1, found.head - LOOK_BACK), LOOK_BACK)
        last = last_of_agents(page.entries)
        if last is not None and (due := last + self._pause) > now:
            return due
        # The key names the hand-over: whoever else hands it back at the same time writes the same entry.
        body = PatchBody(responder="assistant", client_id=f"n8n-back-{one.epoch}-{one.seq}")
        await self._services.chat.patch(self._chat.principal, one.conversation, body, None)
        return None

    async def _put(self, one: HandoverRecord, due: datetime) -> None:
        key, ttl = self._key(due, one.conversation), KEPT + self._pause.total_seconds()
        await self._services.storage.store.put(NAMESPACE, key, _encoder.encode(one), ttl=ttl)

    def _key(self, due: datetime, conversation: str) -> str:
        return f"{self._chat.name}/{due.timestamp():015.3f}/{conversation}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(HandoverRecord)

__all__ = ["AT_ONCE", "NAMESPACE", "HandoverRecord", "HandoverTimer"]
