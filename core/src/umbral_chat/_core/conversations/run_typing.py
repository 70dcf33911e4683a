"""A run that writes shows its assistant as typing, where something provides presence."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from umbral_chat.errors import RequestError
from umbral_chat.model.entries import Sender
from umbral_chat.model.runs import RunView
from umbral_chat.providers.presence import Presence

log = logging.getLogger(__name__)


class RunTyping:
    """Reports typing of the senders of runs. Without a presence it does nothing: clients see the runs themselves.

    The typing ends with the state `writing`, with the message, and after the presence's own time: a producer that
    writes for longer repeats its progress.
    """

    def __init__(self, presence: Presence | None) -> None:
        self._presence = presence

    def wrote(self, conversation: str, run: RunView, ttl: float | None) -> None:
        """The run's producer reported that it writes, for `ttl` seconds."""
        self._report(conversation, run.sender, typing=True, seconds=ttl)

    def stopped(self, conversation: str, run: RunView, others: Sequence[RunView]) -> None:
        """The run writes no more. Its sender still types if another run of it writes."""
        if run.state == "writing" and not any(one.state == "writing" and one.sender == run.sender for one in others):
            self._report(conversation, run.sender, typing=False)

    def _report(self, conversation: str, sender: Sender, *, typing: bool, seconds: float | None = None) -> None:
        if self._presence is None:
            return
        try:
            self._presence.typing(conversation, sender, typing, seconds=seconds)
        except RequestError as error:
            # So many people are there that no one more is shown: no reason to refuse a progress.
            log.debug("The typing of a run is not shown: %s", error.detail)


__all__ = ["RunTyping"]
