"""The frames of the widget's WebSocket (`@n8n/chat` 1.37), and which are sent when. Pure.

A text frame is a message of the assistant's. Three are not: the heartbeat, its acknowledgement, and `continue`, after
which the widget shows that something comes and takes no input until the next message. The first heartbeat has it read
the others as this form of them, and not as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

from umbral_chat.model.entries import Message

from umbral_chat_n8n_bridge.answers.buttons import widget_text
from umbral_chat_n8n_bridge.relay.ledger import RunRecord
from umbral_chat_n8n_bridge.settings import ChatSettings

HEARTBEAT = "n8n|heartbeat"
ACKNOWLEDGED = "n8n|heartbeat-ack"
CONTINUE = "n8n|continue"
OWN = "n8n|"
"""What frames begin with that are no messages."""


def shown(text: str) -> str:
    """A message as a frame: one that would pass for another frame has a space before it, which Markdown drops."""
    return f" {text}" if text.startswith(OWN) else text


class PushedFrames:
    """What one widget is sent. It waits from its own message on, until it is sent one."""

    def __init__(self, settings: ChatSettings, asked: int) -> None:
        self._settings = settings
        self._shown: dict[int, bool] = {}
        self._coming = False
        self._newest = 0
        self.ask(asked)

    @property
    def asked(self) -> Sequence[int]:
        """The seqs of its messages whose answers have not ended."""
        return list(self._shown)

    @property
    def stuck(self) -> bool:
        """Whether it waits for a message that does not come: then its socket is to be closed, which lets it go on."""
        return self._coming and not self._shown

    def ask(self, seq: int) -> None:
        """Its visitor has written the message `seq`."""
        # An answer may be here before the message is known to be written.
        self._shown[seq] = self._newest > seq
        self._coming = not self._shown[seq]

    def message(self, message: Message) -> list[str]:
        """A message that is in the log. A visitor's own is not shown: every frame is shown as the assistant's."""
        if message.sender.role == "user" or message.redacted or not message.content.strip():
            return []
        self._newest = max(self._newest, message.seq)
        for seq in self._shown:
            self._shown[seq] = self._shown[seq] or message.seq > seq
        return self._frames(widget_text(message.content, message.metadata))

    def writing(self) -> list[str]:
        """A message is being written, so that it will come."""
        if self._coming:
            return []
        self._coming = True
        return [CONTINUE]

    def ended(self, seq: int, record: RunRecord) -> list[str]:
        """The answer to the message `seq` has ended, and its messages were given. Without any the widget is sent a
        notice, since it would wait for ever."""
        if self._shown.pop(seq, True):
            return []
        human = record.outcome == "human"
        return self._frames(self._settings.human_notice if human else self._settings.failure_notice)

    def refused(self, text: str) -> list[str]:
        """What its visitor wrote was not accepted."""
        return self._frames(text)

    def _frames(self, text: str) -> list[str]:
        self._coming = False
        return [shown(text)]


__all__ = ["ACKNOWLEDGED", "CONTINUE", "HEARTBEAT", "PushedFrames", "shown"]
