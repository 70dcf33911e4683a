"""Which conversations are watched, and the last head known of each: only a changed head becomes a hint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.transport import HeadHint


class WatchList:
    """Counts the followers of each conversation and remembers the head last hinted. Pure."""

    __slots__ = ("_followers", "_fresh", "_last_head")

    def __init__(self) -> None:
        self._followers: dict[str, int] = {}
        self._fresh: dict[str, None] = {}
        self._last_head: dict[str, Head | Deleted | None] = {}

    def __contains__(self, conversation: object) -> bool:
        return conversation in self._followers

    def __len__(self) -> int:
        return len(self._followers)

    @property
    def fresh(self) -> bool:
        """Whether some conversation became watched and was not read yet."""
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
        self._last_head.pop(conversation, None)
        return followers == 1

    def forget(self) -> None:
        """Drop every known head: each watched conversation is hinted once again."""
        self._last_head.clear()

    def take_fresh(self) -> list[str]:
        """The conversations watched since the last call, to be read now."""
        taken = list(self._fresh)
        self._fresh.clear()
        return taken

    def take_all(self) -> list[str]:
        """Every watched conversation, to be read now."""
        self._fresh.clear()
        return list(self._followers)

    def learn(self, asked: Iterable[str], heads: Mapping[str, Head | Deleted]) -> tuple[list[HeadHint], bool]:
        """The hints that the heads read for `asked` are worth, and whether any head changed.

        A conversation's first head is hinted but is no change: its new reader reads the log anyway. One that was never
        made has no head to hint. What was unwatched in the meantime is skipped.
        """
        hints = []
        news = False
        for conversation in asked:
            if conversation not in self._followers:
                continue
            head = heads.get(conversation)
            known = conversation in self._last_head
            if known and self._last_head[conversation] == head:
                continue
            self._last_head[conversation] = head
            news = news or known
            if head is not None:
                hints.append(HeadHint(conversation, head))
        return hints, news


__all__ = ["WatchList"]
