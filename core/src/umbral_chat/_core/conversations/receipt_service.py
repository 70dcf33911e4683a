"""Receipts: a reader's marker moved, which others see if it allows that; and what is known of others' is read."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence

from umbral_chat._core.conversations.receipt_board import CAPACITY, READERS_SHOWN, ReceiptBoard
from umbral_chat._core.conversations.receipt_records import AllowingReader, ReceiptRecords
from umbral_chat._core.runtime.lru import Lru
from umbral_chat.clock import Clock
from umbral_chat.errors import RequestError, StoreError
from umbral_chat.model.receipts import Receipt
from umbral_chat.model.signals import ReadSignal
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import History, KnowsReaders
from umbral_chat.providers.store import SharedStore

TICK = 0.25
"""Seconds between two looks at what is due."""

REFRESH = 120.0
"""Seconds after which the receipts of a conversation that is asked about are read again, in case a signal was lost."""

REMEMBERED = 60.0
"""Seconds for which a reader's choice is not read again. Another device of the reader may have made another one, at
another instance."""

READ_AT_ONCE = 16
"""Conversations whose receipts are read side by side."""

READ_TIMEOUT = 5.0
"""Seconds that one read may take."""

log = logging.getLogger(__name__)


class Receipts:
    """The receipts of all conversations. `run` has to run beside the calls."""

    def __init__(self, history: History, store: SharedStore, board: ReceiptBoard, clock: Clock) -> None:
        """With a history that does not know its readers, receipts are only those of which a signal arrives."""
        self._history = history
        self._records = ReceiptRecords(store, clock)
        self._board = board
        self._clock = clock
        self._random = random.Random()  # noqa: S311 - spreads load, guards nothing
        self._read_again: Lru[str, float] = Lru(CAPACITY)
        self._wanted: dict[str, None] = {}
        self._choices: Lru[str, dict[str, tuple[bool, float]]] = Lru(CAPACITY)
        """Of a conversation, by author: whether it allows receipts, and until when that is taken to be so."""

    def of(self, conversation: str) -> list[Receipt]:
        """See `ReceiptService.of`."""
        if (self._read_again.get(conversation) or 0.0) <= self._clock.monotonic():
            self.follow(conversation)
        return self._board.of(conversation)

    def follow(self, conversation: str) -> None:
        """A conversation is newly followed here: its receipts are read soon."""
        if len(self._wanted) < CAPACITY:
            self._wanted[conversation] = None

    async def marked(self, principal: Principal, conversation: str, seq: int, allows: bool | None) -> None:
        """The marker of `principal` is at `seq` now. `allows`: whether others see it, None: as before.

        Raises HistoryUnavailable and Unavailable when the choice could not be stored.
        """
        if seq == 0:
            return  # nothing was read, or there is no such conversation
        author, sender = principal.author, principal.sender
        known = self._choice(conversation, author)
        if allows is not None and known is not allows:
            reader = AllowingReader(sender.id or "", sender.role, sender.name, self._clock.now().timestamp())
            await self._records.allow(conversation, author, reader if allows else None)
            self._remember(conversation, author, allows)
        if allows or (allows is None and known):
            shown = seq
        elif allows is False:
            shown = 0
            self.follow(conversation)  # a read that began before the change may still bring it back
        else:
            return
        self._board.moved(
            ReadSignal(
                conversation=conversation, subject=sender.id or "", role=sender.role, name=sender.name, seq=shown
            )
        )

    async def read(self, conversation: str) -> None:
        """Know the receipts of a conversation, as far as the stores answer in time."""
        began = self._clock.monotonic()
        self._wanted.pop(conversation, None)
        self._read_again.put(conversation, began + REFRESH * self._random.uniform(0.75, 1.25))
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                allowing = await self._records.load(conversation)
                markers = await self._markers(conversation, list(allowing))
        except (RequestError, StoreError, TimeoutError) as error:
            log.debug("The receipts of a conversation were not read: %s", error)
            return
        except Exception:
            # A third party's store may raise anything; the signals of other conversations must still be sent.
            log.exception("The receipts of a conversation were not read.")
            return
        found = [
            Receipt(subject=reader.subject, role=reader.role, name=reader.name, seq=markers[author])
            for author, reader in allowing.items()
            if markers.get(author, 0) > 0
        ]
        self._board.loaded(conversation, found, began)

    async def forget(self, conversation: str) -> None:
        """Drop what is stored of a conversation that was deleted."""
        self._choices.drop(conversation)
        self._board.forget(conversation)
        await self._records.forget(conversation)

    async def run(self) -> None:
        """Read what is wanted and send what waits, until cancelled."""
        while True:
            self._board.sweep()
            if self._wanted:
                await asyncio.gather(*(self.read(one) for one in list(self._wanted)[:READ_AT_ONCE]))
            await self._clock.sleep(TICK)

    async def _markers(self, conversation: str, authors: Sequence[str]) -> Mapping[str, int]:
        if not authors or not isinstance(self._history, KnowsReaders):
            return {}
        return await self._history.read_markers(conversation, authors)

    def _choice(self, conversation: str, author: str) -> bool | None:
        allows, until = (self._choices.get(conversation) or {}).get(author, (None, 0.0))
        return allows if self._clock.monotonic() < until else None

    def _remember(self, conversation: str, author: str, allows: bool) -> None:
        choices = self._choices.get(conversation) or {}
        choices[author] = (allows, self._clock.monotonic() + REMEMBERED)
        if len(choices) > READERS_SHOWN:
            del choices[next(iter(choices))]
        self._choices.put(conversation, choices)


__all__ = ["REFRESH", "REMEMBERED", "Receipts"]
