"""The polling transport on the embedded store keeps the contract of a transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import SystemClock
from umbral_chat.providers.history import Storage
from umbral_chat.testing.transport import TransportContract, TransportRig
from umbral_chat_polling import Polling, PollingTransport

from .conftest import Plug

pytestmark = pytest.mark.sqlite_only("the embedded store itself")

QUICK = Polling(interval=0.05, min_interval=0.02, max_interval=0.1)
QUEUE = 32


class TestPollingTransport(TransportContract):
    """Two instances, each with its own connections to one file."""

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[TransportRig]:
        async with AsyncExitStack() as stack:
            file = Path(stack.enter_context(TemporaryDirectory())) / "chat.sqlite3"
            here, elsewhere = (open_storage(file, clock=SystemClock()) for _ in range(2))
            await stack.enter_async_context(here.lifespan)
            await stack.enter_async_context(elsewhere.lifespan)
            history, store = Plug(here.history), Plug(here.store)

            async def plug(*, unplugged: bool) -> None:
                history.unplugged = store.unplugged = unplugged

            wired = replace(here, history=cast("Any", history), store=cast("Any", store))
            yield TransportRig(
                transport=self.make(wired),
                peer=self.make(elsewhere),
                logs=elsewhere.history,
                cut=lambda: plug(unplugged=True),
                mend=lambda: plug(unplugged=False),
                queue=QUEUE,
            )

    def make(self, storage: Storage) -> PollingTransport:
        return PollingTransport(storage, QUICK, SystemClock(), queue=QUEUE)
