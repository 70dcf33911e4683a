"""What the end of a run leaves in the log: nothing where its message is there, else an entry, exactly once."""

from __future__ import annotations

from umbral_chat._core.conversations.appending import Appender
from umbral_chat._core.conversations.runs import StoredRun
from umbral_chat.model.entries import Message
from umbral_chat.model.writes import WriteRun
from umbral_chat.providers.history import History

AUTHOR = "run:ended"
"""Author of the entries that runs leave, whoever notices the end: with the run's id as the key there is one of each. No
principal has it."""

MARK = "umbral_run"
"""Member of a message's metadata that names the run whose message it is."""

PAGE, PAGES = 200, 100
"""Entries in a read of the log for the message of a run, and most such reads: past them the run leaves an entry, since
one too many is better than a reader who waits."""


class RunEntries:
    """Writes the ends of runs into their logs. Every method raises HistoryUnavailable and ConversationDeleted."""

    def __init__(self, history: History, appender: Appender) -> None:
        self._history = history
        self._append = appender.append

    async def write(self, conversation: str, run: StoredRun) -> int | None:
        """The seq of the entry that the run leaves, which is written unless it is there; None: it left a message, or
        has not ended."""
        if run.end is None or await self._left_a_message(conversation, run):
            return None
        sent = await self._append(
            WriteRun(
                conversation=conversation,
                subject=AUTHOR,
                sender=run.sender,
                key=f"run:{run.run_id}",
                epoch=run.epoch,
                run_id=run.run_id,
                outcome=run.end.outcome,
                reason=run.end.reason,
                for_seq=run.for_seq,
                metadata=run.metadata,
            )
        )
        return sent.entry.seq

    async def _left_a_message(self, conversation: str, run: StoredRun) -> bool:
        # Readers see a run's id and that of its message: one of them must not pass for its answer, or others wait for
        # it in vain.
        role = run.sender.role
        if run.message_id is not None:
            message = await self._history.message(conversation, run.message_id)
            if message is not None and message.sender.role == role:
                return True
        after = run.after
        for _ in range(PAGES):
            page = await self._history.read(conversation, after, PAGE)
            if page.head is None or (run.epoch is not None and page.head.epoch != run.epoch):
                return False
            messages = [one for one in page.entries if isinstance(one, Message) and one.sender.role == role]
            if any((one.metadata or {}).get(MARK) == run.run_id for one in messages):
                return True
            after += len(page.entries)
            if not page.entries or after >= page.head.seq:
                return False
        return False


__all__ = ["AUTHOR", "MARK", "PAGE", "PAGES", "RunEntries"]
