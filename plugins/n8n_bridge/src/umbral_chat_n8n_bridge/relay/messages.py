"""Writes the messages of an answer: drafts while they grow, and an entry for each that is complete."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from umbral_chat.errors import Conflict, ConversationDeleted, RequestError, Unavailable
from umbral_chat.model.entries import Finish
from umbral_chat.model.ids import new_message_id
from umbral_chat.model.requests import DraftBody, SendBody
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_n8n_bridge.answers.buttons import SaidMessage, may_have_buttons, said_message
from umbral_chat_n8n_bridge.answers.events import Event, Piece, SegmentBegun, SegmentEnded
from umbral_chat_n8n_bridge.chats import ASSISTANT, RUN_MARK, Chat

if TYPE_CHECKING:
    from umbral_chat.clock import Clock
    from umbral_chat.context import ChatService, DraftService

log = logging.getLogger(__name__)

PATIENCE = 600.0
"""Seconds for which a store that is away is tried again before an answer that is here is given up."""

T = TypeVar("T")


class AnswerMessages:
    """The messages of one run. `answered_itself` says whether the workflow wrote its answer by itself: then nothing of
    the webhook's answer is kept."""

    def __init__(
        self,
        *,
        chat: Chat,
        service: ChatService,
        drafts: DraftService,
        clock: Clock,
        conversation: str,
        run_id: str,
        answered_itself: Callable[[], Awaitable[bool]],
    ) -> None:
        self._chat = chat
        self._service = service
        self._drafts = drafts
        self._clock = clock
        self._conversation = conversation
        self._run_id = run_id
        self._answered_itself = answered_itself
        self._texts: dict[int, str] = {}
        self._drafted: dict[int, int] = {}
        self.complete = 0
        """Messages that were written whole."""
        self.texts: set[str] = set()
        """Theirs, without the space around them."""
        self.partial = 0
        """Messages that were written as far as they came."""
        self.discarded = False
        """The workflow wrote its answer itself, and the webhook's text is not kept."""

    @property
    def writing(self) -> bool:
        """Whether a message grows now."""
        return bool(self._texts)

    async def apply(self, events: Sequence[Event], *, unfinished: Finish = "failed") -> None:
        """Write what the events say; `unfinished`: how those end that are not complete.

        Raises ConversationDeleted, and HistoryUnavailable when the store was away for longer than `PATIENCE`.
        """
        for event in events:
            match event:
                case SegmentBegun(number):
                    self.discarded = self.discarded or await self._answered_itself()
                    self._texts[number] = ""
                case Piece(number, text):
                    self._texts[number] += text
                case SegmentEnded(number, failed):
                    text = self._texts.pop(number)
                    drafted = self._drafted.pop(number, -1) >= 0
                    # A draft that readers have seen has to end as a message.
                    if drafted or not (self.discarded or await self._answered_itself()):
                        await self._write(number, text, unfinished if failed else None)
                    else:
                        self.discarded = True
                case _:
                    pass
        for number, text in self._texts.items():
            await self._draft(number, text)

    def touch(self) -> None:
        """What grows is still being written, although nothing comes."""
        for number in self._drafted:
            self._drafts.touch(self._conversation, self._message_id(number))

    def _message_id(self, number: int) -> str:
        return f"{self._run_id}.{number}"

    async def _draft(self, number: int, text: str) -> None:
        at = self._drafted.get(number, 0)
        if self.discarded or at < 0 or at == len(text) or may_have_buttons(text):
            return
        body = DraftBody(message_id=self._message_id(number), offset=at, text=text[at:], sender=ASSISTANT)
        try:
            self._drafted[number] = await self._service.draft(self._chat.principal, self._conversation, body)
        except ConversationDeleted:
            raise
        except Unavailable as error:
            log.debug("A piece of a draft is sent later: %s", error.detail)
        except RequestError as error:
            # The message is written when it is complete: a draft only shows it earlier.
            log.debug("A message of n8n is not shown while it grows: %s", error.code)
            self._drafted[number] = -1

    async def _write(self, number: int, text: str, finish: Finish | None) -> None:
        key = message_id = self._message_id(number)
        said = said_message(text) if finish is None else SaidMessage(text)

        def body(own_id: str | None) -> SendBody:
            return SendBody(
                content=said.content,
                sender=ASSISTANT,
                message_id=own_id,
                client_id=key,
                metadata={**said.metadata, RUN_MARK: self._run_id},
                finish=finish,
            )

        principal = self._chat.principal
        try:
            await patient(
                self._clock, lambda: self._service.send(principal, self._conversation, body(message_id), None)
            )
        except Conflict:
            # Whoever guessed the id took it before, or the same text was written with another end before a crash.
            key = f"{message_id}.{new_message_id()}"
            await patient(self._clock, lambda: self._service.send(principal, self._conversation, body(None), None))
        if finish is None:
            self.complete += 1
            self.texts.add(text.strip())
        else:
            self.partial += 1


async def patient(clock: Clock, call: Callable[[], Awaitable[T]]) -> T:
    """The result of `call`, which is repeated while the store is away, for at most `PATIENCE` seconds. Raises what it
    raises then."""
    deadline = clock.monotonic() + PATIENCE
    backoff = Backoff(initial=0.5, maximum=15.0)
    while True:
        try:
            return await call()
        except Unavailable:
            if clock.monotonic() >= deadline:
                raise
            await clock.sleep(backoff.next())


__all__ = ["PATIENCE", "AnswerMessages", "patient"]
