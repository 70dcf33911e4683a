"""Parts that transports are built from: the queue of their events, and who is watched."""

from umbral_chat.transport.mailbox import Mailbox
from umbral_chat.transport.watched import Watched

__all__ = ["Mailbox", "Watched"]
