"""The executions with Chat nodes of one chat that this instance holds: one for each conversation at most."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from umbral_chat.errors import ConversationDeleted, RequestError, TryLater
from umbral_chat.model.entries import Update

from umbral_chat_n8n_bridge.relay.continuing import ContinuedExecution
from umbral_chat_n8n_bridge.relay.held_execution import HeldExecution, RelayedRun
from umbral_chat_n8n_bridge.relay.open_executions import OpenExecution, OpenExecutionEntry, abandoned

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.http_kit.outbound import CallUrl

    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.executions.api import ExecutionsApi

log = logging.getLogger(__name__)

MOST_HELD = 500
"""Executions of a chat that an instance holds while they wait. Beyond them the one that waits longest is let go: n8n
keeps it, and the user's answer takes it up again."""

MOST_ENDING = 64
"""Executions that are being ended at once; further ones are left to n8n."""

SIGN_EVERY = 30.0
"""Seconds between two signs of life of one that waits."""

ADOPT_EVERY = 20.0
"""Seconds, and up to half as many more, between two looks for executions whose instance is gone."""

LOOK_AT = 1_000
"""Open executions that are looked at for that."""

HANDED_OVER = 200
"""Entries since a question among which a hand-over is looked for."""


class ChatDialogs:
    """Holds them. `run` adopts those that no instance holds."""

    def __init__(
        self, chat: Chat, services: Services, webhook: CallUrl, api: ExecutionsApi | None, holder: str
    ) -> None:
        """`holder`: the name of this instance, distinct from all others'."""
        self._chat, self._services, self._webhook, self._api, self._holder = chat, services, webhook, api, holder
        self._keepers: dict[str, _Keeper] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Adopt, until it is cancelled; then let go of all."""
        clock = self._services.base.clock
        try:
            while True:
                await clock.sleep(ADOPT_EVERY * random.uniform(1.0, 1.5))  # noqa: S311 - spreads load
                try:
                    await self._adopt()
                except RequestError as error:
                    log.debug("Open executions of n8n are looked for later: %s", error.code)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of all: n8n keeps them."""
        keepers, self._keepers = list(self._keepers.values()), {}
        for task in self._ending:
            task.cancel()
        await asyncio.gather(*(keeper.stop() for keeper in keepers), *self._ending, return_exceptions=True)
        await asyncio.gather(*(keeper.held.close() for keeper in keepers), return_exceptions=True)

    async def begin(self, run: RelayedRun, execution_id: str, token: str | None) -> HeldExecution:
        """Hold an execution that has begun. Raises HistoryUnavailable and TryLater."""
        entry = OpenExecutionEntry(self._services.storage.store, run.conversation, self._holder)
        await entry.load()  # one that was left there is replaced
        await entry.hold()
        await entry.save(
            OpenExecution(execution_id=execution_id, token=token, run_id=run.run_id, seq=run.seq, epoch=run.epoch)
        )
        held = self._held(run.conversation, entry)
        await held.attach()  # where there is no socket, the exchange connects again
        return held

    async def claim(self, run: RelayedRun) -> HeldExecution | None:
        """The conversation's open execution, for an exchange of `run`; None: there is none, or an agent has answered
        since its question, or it is too late for an answer. Raises HistoryUnavailable and TryLater."""
        held = await self._taken(run.conversation)
        if held is None:
            return None
        if await self._is_outdated(held.record, run):
            await self.end(held)
            return None
        await held.entry.hold()
        await held.save(run_id=run.run_id, seq=run.seq, epoch=run.epoch, turns=0, owed=True, idle=False)
        await held.attach()
        return held

    async def of_run(self, run: RelayedRun) -> HeldExecution | None:
        """The execution in which this run goes on, or is to go on, whose instance is gone; None: there is none, so that
        the webhook may have been called for it. Raises HistoryUnavailable and TryLater."""
        record = await self._entry(run.conversation).load()
        if record is None:
            return None
        if record.run_id != run.run_id:
            # An execution that nobody has claimed since: then nothing was sent to n8n for this run.
            return await self.claim(run) if record.idle and record.seq < run.seq else None
        held = await self._taken(run.conversation)
        if held is not None:
            await held.entry.hold()
            await held.save(idle=False)
            await held.attach()
        return held

    async def _taken(self, conversation: str) -> HeldExecution | None:
        """The conversation's open execution, as it is held here or stored."""
        keeper = self._keepers.pop(conversation, None)
        if keeper is not None:
            await keeper.stop()
        held = None if keeper is None else keeper.held
        entry = self._entry(conversation) if held is None else held.entry
        if await entry.load() is None:
            if held is not None:
                await held.close()
            return None
        return held or self._held(conversation, entry)

    async def keep(self, conversation: str, held: HeldExecution) -> None:
        """Hold it while it waits for the user. Raises HistoryUnavailable and TryLater."""
        await held.entry.hold()
        await held.save(idle=True)
        if len(self._keepers) >= MOST_HELD:
            oldest = next(iter(self._keepers))
            keeper = self._keepers.pop(oldest)
            await keeper.stop()
            await keeper.held.close()
        self._keepers[conversation] = _Keeper(self, conversation, held)

    async def forget(self, held: HeldExecution) -> None:
        """It is over. Raises HistoryUnavailable."""
        await held.close()
        await held.entry.forget()

    async def end(self, held: HeldExecution) -> None:
        """Have it ended, which goes on behind this. Raises HistoryUnavailable."""
        if len(self._ending) < MOST_ENDING:
            ending = _ended(held, held.record.execution_id)
            task = asyncio.create_task(ending, name="n8n: end an execution")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        else:
            await held.close()
        await held.entry.forget()

    def continuation(self, conversation: str, held: HeldExecution) -> ContinuedExecution:
        """What it goes on with by itself."""
        return ContinuedExecution(self._chat, self._services, conversation, held)

    def dropped(self, conversation: str, keeper: _Keeper) -> None:
        """A keeper has ended by itself."""
        if self._keepers.get(conversation) is keeper:
            del self._keepers[conversation]

    def is_late(self, record: OpenExecution) -> bool:
        """Whether its question is not to be answered any more."""
        return self._services.base.clock.now().timestamp() - record.since > self._chat.settings.question_wait

    async def _adopt(self) -> None:
        store = self._services.storage.store
        for conversation in await abandoned(store, LOOK_AT):
            if len(self._keepers) >= MOST_HELD:
                return
            if conversation in self._keepers or not self._chat.owns(conversation):
                continue
            entry = self._entry(conversation)
            if not await entry.adopt() or await entry.load() is None:
                continue
            held = self._held(conversation, entry)
            await held.attach()
            self._keepers[conversation] = _Keeper(self, conversation, held)

    async def _is_outdated(self, record: OpenExecution, run: RelayedRun) -> bool:
        if record.epoch != run.epoch or self.is_late(record):
            return True
        page = await self._services.storage.history.read(run.conversation, record.seq, HANDED_OVER)
        return any(
            isinstance(one, Update) and one.changes.responder == "human" for one in page.entries if one.seq < run.seq
        )

    def _entry(self, conversation: str) -> OpenExecutionEntry:
        return OpenExecutionEntry(self._services.storage.store, conversation, self._holder)

    def _held(self, conversation: str, entry: OpenExecutionEntry) -> HeldExecution:
        return HeldExecution(
            entry,
            self._webhook,
            self._chat.session_of(conversation),
            clock=self._services.base.clock,
            limit=self._services.base.settings.core.limits.content_chars,
            api=self._api,
        )


class _Keeper:
    """Holds one execution that waits, in a task: gives signs of life, and passes on what it says by itself."""

    def __init__(self, dialogs: ChatDialogs, conversation: str, held: HeldExecution) -> None:
        self._dialogs, self._conversation, self.held = dialogs, conversation, held
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._task = asyncio.create_task(self._logged(), name="n8n: keep an execution")

    async def stop(self) -> None:
        """End the task, once what the execution says by itself now is written."""
        while not (self._at_rest.is_set() or self._task.done()):
            waiting = asyncio.create_task(self._at_rest.wait())
            try:
                await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _logged(self) -> None:
        try:
            await self._run()
        except TryLater:
            await self.held.close()  # another instance has it
        except ConversationDeleted:
            await self._dialogs.end(self.held)
        except RequestError as error:
            log.warning("An execution of n8n that waits is let go: %s", error.code)
            await self.held.close()
        except Exception:
            log.exception("An execution of n8n that waits is let go")
            await self.held.close()
        self._dialogs.dropped(self._conversation, self)

    async def _run(self) -> None:
        while True:
            frame = await self.held.next(SIGN_EVERY)
            if frame is None:
                if not await self.held.entry.still_holds():
                    await self.held.close()
                    return
                if self._dialogs.is_late(self.held.record):
                    await self._dialogs.end(self.held)
                    return
                continue
            self._at_rest.clear()
            try:
                standing = await self._dialogs.continuation(self._conversation, self.held).run(frame)
                if standing == "waits":
                    await self.held.save()
                    continue
                await (self._dialogs.forget if standing == "over" else self._dialogs.end)(self.held)
                return
            finally:
                self._at_rest.set()


async def _ended(held: HeldExecution, execution_id: str) -> None:
    try:
        await held.abandon(execution_id)
    except Exception:
        log.exception("An execution of n8n is not ended")


__all__ = ["ADOPT_EVERY", "MOST_HELD", "SIGN_EVERY", "ChatDialogs"]
