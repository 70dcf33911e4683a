"""A reader: somebody who waits for what comes after a cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from umbral_chat._core.feed.view import View
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat.http_kit.asgi import Disconnect
from umbral_chat.model.cursor import Cursor


class Reader:
    """Registered with a view for as long as `Feeds.reading` is entered."""

    __slots__ = ("_lifecycle", "_settle", "view")

    def __init__(self, view: View, lifecycle: Lifecycle, settle: Callable[[View], None]) -> None:
        self.view = view
        self._lifecycle = lifecycle
        self._settle = settle

    async def wait(
        self, cursor: Cursor, version: int | None, timeout: float, disconnect: Disconnect | None = None
    ) -> None:
        """Return when there may be something past `cursor`, when the signals are no longer of `version` (None: do not
        care), when the log is gone or another, when the service drains, or after `timeout` seconds.

        What it was is found by reading: `wait` promises only not to miss it. Raises ConnectionAbortedError when the
        client of `disconnect` has left before that.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self._settle(self.view)
        while not self._lifecycle.draining.is_set() and not self.view.has_news(cursor, version):
            if disconnect is not None and disconnect.happened:
                raise ConnectionAbortedError("the client left")
            remaining = deadline - loop.time()
            if remaining <= 0:
                return
            await self.view.changed(remaining, disconnect)


__all__ = ["Reader"]
