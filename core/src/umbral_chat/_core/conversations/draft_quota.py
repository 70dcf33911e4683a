"""How many drafts there may be: of one author, in one conversation, and on one instance. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from umbral_chat.errors import TooManyRequests, Unavailable
from umbral_chat.model.signals import Writer

VISITORS_SHARE = 0.9
"""Share of all drafts of an instance that visitors and users may have together: the rest is for service keys."""

RETRY_AFTER = 5
"""Seconds until a producer that found the instance full should try again: a few answers have ended by then."""


@dataclass(slots=True)
class DraftUsage:
    """What an instance knows of drafts, in all."""

    drafts: int = 0
    chars: int = 0


class _Written(Protocol):
    @property
    def writer(self) -> Writer | None:
        """The author; None: unknown."""
        ...


@dataclass(frozen=True, slots=True)
class DraftQuota:
    """The bounds. Each author has its own share of a conversation; visitors and users together have no more than one
    service key, and leave a tenth of the instance to those."""

    per_conversation: int
    per_visitor: int
    total: int
    total_chars: int

    def has_room(self, drafts: Collection[_Written], writer: Writer | None, usage: DraftUsage) -> bool:
        """Whether another draft fits among those of its conversation, as another instance reports it."""
        return usage.drafts < self.total and self._alike(drafts, writer) < self.per_conversation

    def check_new(self, drafts: Collection[_Written], writer: Writer, usage: DraftUsage, chars: int) -> None:
        """Raise what speaks against a new draft of `chars` characters: TooManyRequests (`too_many_drafts`,
        `too_many_own_drafts`) and Unavailable (`drafts_full`)."""
        # After that time one of them has ended, if there is no sign of life of it.
        retry = {"Retry-After": "30"}
        if not writer.trusted and sum(draft.writer == writer for draft in drafts) >= self.per_visitor:
            raise TooManyRequests(
                f"You are already writing {self.per_visitor} messages here, and may not write more at once "
                "(core.limits.drafts_per_principal). Send one of them.",
                code="too_many_own_drafts",
                limit=self.per_visitor,
                headers=retry,
            )
        if self._alike(drafts, writer) >= self.per_conversation:
            raise TooManyRequests(
                f"A conversation holds at most {self.per_conversation} drafts of a service key, and as many of all "
                "visitors and users (core.limits.drafts).",
                code="too_many_drafts",
                limit=self.per_conversation,
                headers=retry,
            )
        share = 1.0 if writer.trusted else VISITORS_SHARE
        if usage.drafts >= self.total * share or usage.chars + chars > self.total_chars * share:
            raise _full()

    def check_grown(self, usage: DraftUsage, chars: int) -> None:
        """Raise Unavailable (`drafts_full`) if there is no room for so many more characters."""
        if usage.chars + chars > self.total_chars:
            raise _full()

    def _alike(self, drafts: Collection[_Written], writer: Writer | None) -> int:
        """How many use the same share: of a key its own, of a visitor or user those of all of them."""
        if writer is None or writer.trusted:
            return sum(draft.writer == writer for draft in drafts)
        return sum(draft.writer is not None and not draft.writer.trusted for draft in drafts)


def _full() -> Unavailable:
    return Unavailable(
        "This instance holds as many drafts as it may (core.drafts). Send the message when it is written.",
        code="drafts_full",
        retry_after=RETRY_AFTER,
    )


__all__ = ["RETRY_AFTER", "VISITORS_SHARE", "DraftQuota", "DraftUsage"]
