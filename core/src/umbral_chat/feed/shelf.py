"""The shelf: the views that are kept, and when one is let go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from umbral_chat.feed.view import View
from umbral_chat.settings.sections import Cache


class Shelf:
    """Views by conversation, least recently used first. A view with readers is never let go."""

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
            if len(self._views) > self.bounds.conversations:
                self._make_room(view)
        else:
            self._views.move_to_end(conversation)
        view.last_used = now
        return view

    def sweep(self, now: float) -> None:
        """Let go of what nobody reads and nobody asked for within the time to live."""
        for view in list(self._views.values()):
            if view.last_used + self.bounds.ttl > now:
                break
            self._let_go(view)

    def _make_room(self, newest: View) -> None:
        # Views with readers stay even past the bound: they are bounded by the readers' own limit.
        for view in self._views.values():
            if view.readers == 0 and view is not newest:
                self._let_go(view)
                return

    def _let_go(self, view: View) -> None:
        if view.readers == 0 and view.pump is None:
            del self._views[view.conversation]
            self._removed(view.conversation)


__all__ = ["Shelf"]
