"""The durable consumer of a chat: which entries are for its workflow."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from umbral_chat.errors import (
    ConversationDeleted,
    CursorExpired,
)
from umbral_chat.model.entries import Entry, Message, Update
from umbral_chat.providers.history import KnowsAuthors

from umbral_chat_n8n_bridge.chats import RUN_MARK, Chat
from umbral_chat_n8n_bridge.files.upload import limits_of
from umbral_chat_n8n_bridge.relay.call import is_question
from umbral_chat_n8n_bridge.relay.handback import HandoverTimer
from umbral_chat_n8n_bridge.relay.relayed_turn import RelayedTurn
from umbral_chat_n8n_bridge.relay.turn_files import TurnFiles
from umbral_chat_n8n_bridge.relay.turns import TurnSettings
from umbral_chat_n8n_bridge.relay.workflow_client import WorkflowClient

if TYPE_CHECKING:
    from umbral_chat.http_kit.outbound import OutboundClient

    from umbral_chat_n8n_bridge.bridge import Bridge

log = logging.getLogger(__name__)


class RelayConsumer:
    """Passes a chat's user messages to its workflow, in order for each conversation, and writes the answers."""

    begins: Literal["now"] = "now"

    def __init__(self, chat: Chat, bridge: Bridge, client: OutboundClient) -> None:
        self.name = f"n8n:{chat.name}"
        # Tries of calls are counted in the ledger, and end before these, which count whatever else fails.
        self.tries = max(16, chat.settings.tries + 1)
        self.concurrency = chat.settings.runs
        self.chat = chat
        self.bridge = bridge
        self.client = client
        webhook = client.parse(chat.settings.webhook_url, field=f"n8n.chats.{chat.name}.webhook_url")
        self.webhook = webhook
        self.workflow = WorkflowClient(chat, bridge.services, webhook, client)
        settings, limits = chat.settings, bridge.services.base.settings.core.limits
        self.rules = TurnSettings(
            settings.during_run,
            settings.burst_quiet,
            settings.burst_wait,
            characters=limits.content_chars,
            files=limits_of(settings),
        )
        self.handovers = HandoverTimer(chat, bridge.services)
        self._warned = False

    def wants(self, conversation: str) -> bool:
        """See `WantsConversations`."""
        return self.chat.owns(conversation)

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:  # noqa: ARG002 - the core's interface
        """See `SelectsEntries`."""
        return [entry for entry in entries if is_question(entry, self.chat) or self._hands_over(entry)]

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """See `Consumer`."""
        if isinstance(entry, Update) and self._hands_over(entry):
            await self.handovers.remember(conversation, epoch, entry)
        if not isinstance(entry, Message) or not is_question(entry, self.chat):
            return
        try:
            if not await self._written_by_workflow(conversation, entry.seq):
                await RelayedTurn(self, conversation, epoch, entry).handle()
        except (ConversationDeleted, CursorExpired):
            await self.files(conversation).remove([entry])

    def files(self, conversation: str) -> TurnFiles:
        """The files of a conversation's messages."""
        return TurnFiles(self.bridge.files, self.rules.files, conversation)

    async def questions(self, conversation: str, entries: Sequence[Entry]) -> list[Message]:
        """Those of the entries that are for the workflow. Raises HistoryUnavailable."""
        return [
            entry
            for entry in entries
            if isinstance(entry, Message)
            and is_question(entry, self.chat)
            and not await self._written_by_workflow(conversation, entry.seq)
        ]

    def _hands_over(self, entry: Entry) -> bool:
        """Whether the conversation is to be handed back some time after this."""
        pause = self.chat.settings.handoff_pause
        return pause > 0 and isinstance(entry, Update) and entry.changes.responder == "human"

    async def _written_by_workflow(self, conversation: str, seq: int) -> bool:
        history, authors = self.bridge.services.storage.history, self.chat.workflow_authors
        if not authors or not isinstance(history, KnowsAuthors):
            return False
        return bool(await history.written_by(conversation, seq, authors))

    def warn_of_two_answers(self) -> None:
        """Once: a workflow answers twice."""
        if not self._warned:
            self._warned = True
            log.warning(
                "n8n: the workflow of chat %s writes its answer with metadata.%s and also answers its webhook with "
                "text; the latter is not kept. Have its last node return no text.",
                *(self.chat.name, RUN_MARK),
            )


__all__ = ["RelayConsumer"]
