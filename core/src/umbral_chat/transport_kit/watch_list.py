"""Who is watched, and what was last learnt of each: only what changed is worth a hint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.transport import HeadHint


class WatchList:
    """Counts the followers of each conversation and remembers the head that was last told. Pure."""

    __slots__ = ("_followers", "_fresh", "_told")

    def __init__(self) -> None:
        self._followers: dict[str, int] = {}
        self._fresh: dict[str, None] = {}
        self._told: dict[str, Head | Deleted | None] = {}

    def __contains__(self, conversation: object) -> bool:
        return conversation in self._followers

    def __len__(self) -> int:
        return len(self._followers)

    @property
    def fresh(self) -> bool:
        """Whether some conversation became watched and was not asked for yet."""
        return bool(self._fresh)

    def watch(self, conversation: str) -> bool:
        """One follower more; whether it is the first."""
        followers = self._followers.get(conversation, 0)
        self._followers[conversation] = followers + 1
        if followers:
            return False
        self._fresh[conversation] = None
        return True

    def unwatch(self, conversation: str) -> bool:
        """One follower fewer; whether it was the last. Unwatching what is not watched changes nothing."""
        followers = self._followers.get(conversation, 0)
        if followers > 1:
            self._followers[conversation] = followers - 1
            return False
        self._followers.pop(conversation, None)
        self._fresh.pop(conversation, None)
        self._told.pop(conversation, None)
        return followers == 1

    def forget(self) -> None:
        """Nothing is known any more: each watched conversation is to be told once again."""
        self._told.clear()

    def take_fresh(self) -> list[str]:
        """The newly watched ones, to be asked for now."""
        taken = list(self._fresh)
        self._fresh.clear()
        return taken

    def take_all(self) -> list[str]:
        """Every watched one, to be asked for now."""
        self._fresh.clear()
        return list(self._followers)

    def learn(self, asked: Iterable[str], heads: Mapping[str, Head | Deleted]) -> tuple[list[HeadHint], bool]:
        """What is worth telling of an answer to `asked`, and whether it is news.

        A conversation's first answer is told but no news: whoever came reads the log anyway. One that was never made
        has no head to tell. What was unwatched in the meantime is passed over.
        """
        hints = []
        news = False
        for conversation in asked:
            if conversation not in self._followers:
                continue
            head = heads.get(conversation)
            known = conversation in self._told
            if known and self._told[conversation] == head:
                continue
            self._told[conversation] = head
            news = news or known
            if head is not None:
                hints.append(HeadHint(conversation, head))
        return hints, news


__all__ = ["WatchList"]
