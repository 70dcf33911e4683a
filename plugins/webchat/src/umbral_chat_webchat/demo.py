"""The demo's assistant: answers two visitors as a workflow would, by runs and drafts, without leaving the service.

It runs only where the demo is shown, and begins when its page is first opened: a service that nobody looks at has no
conversation of it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec
from umbral_chat import (
    Conflict,
    ConversationDeleted,
    CursorExpired,
    Message,
    Principal,
    ProgressBody,
    RequestError,
    RunBody,
    RunEndBody,
    SendBody,
    Sender,
    entry_decoder,
)
from umbral_chat.model.requests import ConversationBody, DraftBody
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_webchat.demo_answers import VISITORS, Visitor, answer_to, pieces

if TYPE_CHECKING:
    from umbral_chat import ConsumerService, Cursor
    from umbral_chat.context import Services

log = logging.getLogger(__name__)

ASSISTANT = Sender(role="assistant", id="demo", name="Demo assistant")

WRITER = Principal(
    kind="key",
    subject="demo:assistant",
    rights=frozenset({"read", "send", "send_as", "manage"}),
    role="assistant",
    name=ASSISTANT.name,
)

PACE = 0.07
"""Seconds between two pieces of an answer, about as fast as a model writes."""

REPORTED = 10
"""Pieces between two looks at whether the run is to stop."""

WAIT = 25.0
"""Seconds of one wait for entries."""

PAGE = 50
"""Entries that are read at once."""


class DemoAssistant:
    """A `ConsumerSource`, since such a one has a task while the service runs; it starts no consumer. `pace` in
    seconds."""

    name = "webchat-demo"

    def __init__(self, services: Services, *, pace: float = PACE) -> None:
        self._services = services
        self._pace = pace
        self._wanted = asyncio.Event()

    def begin(self) -> None:
        """The page is looked at: begin, if that did not happen before."""
        self._wanted.set()

    async def run(self, consumers: ConsumerService) -> None:  # noqa: ARG002 - see the class
        """See `ConsumerSource`."""
        await self._wanted.wait()
        async with asyncio.TaskGroup() as tasks:
            for visitor in VISITORS:
                tasks.create_task(self._attend(visitor), name=f"webchat: demo of {visitor.name}")

    async def _attend(self, visitor: Visitor) -> None:
        backoff = Backoff(initial=0.25, maximum=30.0)
        while not self._services.lifecycle.draining.is_set():
            try:
                await self._converse(visitor)
                backoff.reset()
            except (CursorExpired, ConversationDeleted):
                pass  # begun anew, or deleted by whoever tries that out: make it again
            except RequestError as error:
                log.warning("The demo of %s pauses: %s", visitor.name, error.code)
            await self._services.base.clock.sleep(backoff.next())

    async def _converse(self, visitor: Visitor) -> None:
        services, room = self._services, visitor.conversation
        cursor = await self._welcome(visitor)
        async with services.feeds.reading(room) as reader:
            while not services.lifecycle.draining.is_set():
                await reader.wait(cursor, None, WAIT)
                batch = await services.feeds.read(room, cursor, PAGE)
                cursor = batch.cursor
                found = [entry_decoder.decode(entry.json) for entry in batch.entries if entry.sender.role == "user"]
                asked = [entry for entry in found if isinstance(entry, Message)]
                if asked:
                    await self._answer(room, cursor.epoch or "", asked[-1])

    async def _welcome(self, visitor: Visitor) -> Cursor:
        """Where the conversation stands, which is made if it is not there."""
        chat, room = self._services.chat, visitor.conversation
        await chat.make(WRITER, ConversationBody(id=room), None)
        found = await chat.conversation(WRITER, room)
        if found.title is None:
            await chat.make(WRITER, ConversationBody(id=room, title=visitor.title), None)
        if found.last_message is None:
            body = SendBody(content=visitor.greeting, sender=ASSISTANT, client_id="demo-greeting")
            await chat.send(WRITER, room, body, None)
            found = await chat.conversation(WRITER, room)
        return found.cursor

    async def _answer(self, room: str, epoch: str, asked: Message) -> None:
        """Answer a visitor's message, unless a person has the conversation or another instance answers."""
        runs = self._services.runs
        if not await self._is_ours(room):
            return
        name = f"demo-{epoch}-{asked.seq}"
        try:
            begun = await runs.start(
                WRITER, room, RunBody(run_id=name, message_id=name, for_seq=asked.seq, sender=ASSISTANT)
            )
            if begun.created:
                await self._run(room, name, asked)
        except Conflict as error:
            log.info("An answer of the demo is not written: %s", error.code)

    async def _run(self, room: str, name: str, asked: Message) -> None:
        services, clock = self._services, self._services.base.clock
        answer = answer_to(asked.content, asked.seq)
        stopped = await self._stops(room, name, "thinking", None)
        await clock.sleep(8 * self._pace)
        if answer.tool is not None and not stopped:
            stopped = await self._stops(room, name, "tool", answer.tool)
            await clock.sleep(25 * self._pace)
        written = ""
        for number, piece in enumerate(pieces(answer.text)):
            if number % REPORTED == 0 and not stopped:
                stopped = await self._stops(room, name, "writing", None)
            if stopped:
                break
            draft = DraftBody(message_id=name, offset=len(written), text=piece, sender=ASSISTANT)
            await services.chat.draft(WRITER, room, draft)
            written += piece
            await clock.sleep(self._pace)
        if written:
            body = SendBody(
                content=written.rstrip(),
                message_id=name,
                client_id=name,
                reply_to=asked.message_id,
                sender=ASSISTANT,
                metadata={"umbral_run": name},
            )
            if stopped:
                body = msgspec.structs.replace(body, finish="cancelled")
            await services.chat.send(WRITER, room, body, None)
        end = RunEndBody(outcome="cancelled" if stopped else "completed")
        await services.runs.end(WRITER, room, name, end)

    async def _stops(self, room: str, name: str, state: str, label: str | None) -> bool:
        """Report what the run does; whether it is to stop: somebody asked for that, or a person has taken over."""
        body = msgspec.convert({"state": state, "label": label}, ProgressBody)
        reported = await self._services.runs.progress(WRITER, room, name, body)
        if reported.cancel_requested:
            return True
        return not await self._is_ours(room)

    async def _is_ours(self, room: str) -> bool:
        found = await self._services.chat.conversation(WRITER, room)
        return found.responder == "assistant"


__all__ = ["ASSISTANT", "DemoAssistant"]
