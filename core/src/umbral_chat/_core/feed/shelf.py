"""The shelf: the views that are kept, and when one is let go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from umbral_chat._core.feed.view import View
from umbral_chat._core.settings.sections import Cache

TRIES = 16
"""Views looked at to make room for a new one: where most have readers, a few stay past the bound until the sweep
rather than each newcomer looking through all."""


class Shelf:
    """Views by conversation, least recently used first. A view that is in use is never let go."""

    def __init__(self, bounds: Cache, *, added: Callable[[str], None], removed: Callable[[str], None]) -> None:
        self.bounds = bounds
        self._views: OrderedDict[str, View] = OrderedDict()
        self._added = added
        self._removed = removed

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[View]:
        return iter(list(self._views.values()))

    def get(self, conversation: str) -> View | None:
        """The view, if it is here."""
        return self._views.get(conversation)

    def take(self, conversation: str, now: float) -> View:
        """The view, made if it is not here, and the most recently used from now on."""
        view = self._views.get(conversation)
        if view is None:
            view = self._views[conversation] = View(conversation, self.bounds.entries, now)
            self._added(conversation)
            self._make_room(TRIES, taken=view)
        else:
            self.use(view, now)
        return view

    def use(self, view: View, now: float) -> None:
        """It was read now."""
        view.last_used = now
        # It may have been let go, and another made in its place, while somebody was still reading it.
        if self._views.get(view.conversation) is view:
            self._views.move_to_end(view.conversation)

    def sweep(self, now: float) -> None:
        """Let go of what nobody reads and nobody asked for within the time to live."""
        for view in self:
            if view.last_used + self.bounds.ttl <= now and not view.in_use:
                self._let_go(view)
        self._make_room(len(self))

    def _make_room(self, tries: int, *, taken: View | None = None) -> None:
        # Views in use stay even past the bound: they are bounded by the readers' own limit.
        for _ in range(tries):
            if len(self._views) <= self.bounds.conversations:
                return
            view = next(iter(self._views.values()))
            if view.in_use or view is taken:
                self._views.move_to_end(view.conversation)
            else:
                self._let_go(view)

    def _let_go(self, view: View) -> None:
        del self._views[view.conversation]
        self._removed(view.conversation)


__all__ = ["TRIES", "Shelf"]
