"""Answers that come after their run was stopped: they are for the operators, in `internal:{id}`, and never for the
visitor."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from umbral_chat.model.internal import internal_id
from umbral_chat.model.requests import SendBody

from umbral_chat_n8n_bridge.chats import ASSISTANT, RUN_MARK
from umbral_chat_n8n_bridge.relay.messages import patient

if TYPE_CHECKING:
    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.relay.execution import LateAnswer

log = logging.getLogger(__name__)

MOST = 16
"""Answers of a chat that are waited for at once: each takes a connection. Further ones are discarded."""


class LateAnswers:
    """Those of one chat, read in tasks of their own until they are over, for the chat's `timeout` at most."""

    def __init__(self, chat: Chat, services: Services) -> None:
        self._chat, self._services = chat, services
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, conversation: str, run_id: str, answer: LateAnswer) -> None:
        """Read an answer, and keep it for the operators."""
        if len(self._tasks) >= MOST:
            log.warning("n8n: a late answer is discarded, since %d others are waited for", MOST)
            await answer.close()
            return
        task = asyncio.create_task(self._read(conversation, run_id, answer), name=f"n8n: late answer {run_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End the tasks and the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, conversation: str, run_id: str, answer: LateAnswer) -> None:
        try:
            async with asyncio.timeout(self._chat.settings.timeout):
                number = 0
                async for text in answer.texts():
                    await self.write(conversation, run_id, number, text)
                    number += 1
        except TimeoutError:
            pass
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            # Its message may quote the answer.
            log.warning("n8n: a late answer is lost (%s)", type(error).__name__)
        finally:
            await answer.close()

    async def write(self, conversation: str, run_id: str, number: int, text: str) -> None:
        """Keep one message for the operators. Raises RequestErrors."""
        body = SendBody(
            content=text, sender=ASSISTANT, client_id=f"{run_id}.late.{number}", metadata={RUN_MARK: run_id}
        )
        internal = internal_id(conversation)
        await patient(
            self._services.base.clock, lambda: self._services.chat.send(self._chat.principal, internal, body, None)
        )


__all__ = ["LateAnswers"]
