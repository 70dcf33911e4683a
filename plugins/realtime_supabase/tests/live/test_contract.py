"""The transport over Realtime keeps the contract of a transport, on the local stack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from umbral_chat.testing.transport import TransportContract, TransportRig

from tests.labs.kit.proxy import proxy
from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

from .conftest import instance

QUEUE = 32


class TestSupabaseTransport(TransportContract):
    """Two instances on one project; the first one's link goes through a proxy that can be cut."""

    stack: Stack

    @pytest.fixture(autouse=True)
    async def _stack(self, supabase: Stack) -> None:
        self.stack = supabase
        await command(supabase, "realtime/reset")
        # The contract's flood is more than a Free plan allows.
        await command(supabase, "realtime/limits", events_per_second=100_000)

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[TransportRig]:
        async with AsyncExitStack() as stack:
            link, url = await stack.enter_async_context(proxy(self.stack.url))
            here = await stack.enter_async_context(instance(self.stack, url=url, queue=QUEUE))
            elsewhere = await stack.enter_async_context(instance(self.stack, queue=QUEUE))
            yield TransportRig(
                transport=here.transport,
                peer=elsewhere.transport,
                logs=elsewhere.storage.history,
                cut=link.cut,
                mend=link.listen,
                queue=QUEUE,
            )
