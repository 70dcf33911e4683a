"""A store in memory that counts its calls and fails on demand, and whole services on a file of their own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar
from umbral_chat._core.app import create_app
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins import boot
from umbral_chat.clock import SystemClock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.history import History, Storage
from umbral_chat.providers.store import RecentSignals, Record, SharedStore, StoredSignal
from umbral_chat_polling import Polling, PollingTransport
from umbral_chat_polling.answer import Events

from tests.stores import store_variables


class MemoryStore:
    """As much of a history and its shared store as the transport touches."""

    def __init__(self) -> None:
        self.logs: dict[str, Head | Deleted] = {}
        self.toggle: Record | None = None
        self.signals: list[StoredSignal] = []
        self.asked: list[list[str]] = []
        self.asked_signals: list[int] = []
        self.asked_toggle = 0
        self.failure: Exception | None = None
        self.hangs = False

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        if conversations:
            self.asked.append(list(conversations))
        await self._answer()
        return {name: self.logs[name] for name in conversations if name in self.logs}

    async def get(self, namespace: str, key: str) -> Record | None:
        assert (namespace, key) == ("core", "realtime")
        self.asked_toggle += 1
        await self._answer()
        return self.toggle

    async def post(self, topic: str, payload: bytes) -> int:
        await self._answer()
        self.signals.append(StoredSignal(len(self.signals) + 1, topic, payload))
        return len(self.signals)

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        assert topics is None
        self.asked_signals.append(after)
        await self._answer()
        return RecentSignals(len(self.signals), [] if after < 0 else self.signals[after:])

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure

    def grow(self, conversation: str) -> Head:
        before = self.logs.get(conversation)
        head = self.logs[conversation] = Head("aaaaaaaaaa", before.seq + 1 if isinstance(before, Head) else 1)
        return head

    def break_(self) -> None:
        self.failure = HistoryUnavailable("the disk is gone")

    @property
    def storage(self) -> Storage:
        return Storage(
            name="memory",
            history=cast("History", cast("Any", self)),
            store=cast("SharedStore", cast("Any", self)),
            lifespan=nullcontext(),
        )


class Plug:
    """A provider whose calls are counted, and fail while it is unplugged."""

    def __init__(self, provider: object) -> None:
        self._provider = provider
        self.unplugged = False
        self.calls: Counter[str] = Counter()
        self.under_way = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._provider, name)
        if not callable(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            if self.unplugged:
                raise HistoryUnavailable("unplugged")
            self.under_way += 1
            try:
                return await found(*args, **kwargs)
            finally:
                self.under_way -= 1

        return call


@dataclass(frozen=True)
class Instance:
    """One running service and a client of it, in this process."""

    app: Litestar
    client: httpx.AsyncClient
    history: Plug

    @property
    def services(self) -> ServiceParts:
        services: ServiceParts = self.app.state.services
        return services

    async def send(self, content: str, conversation: str = "room", **body: Any) -> str:
        """Send a message; the cursor that it is at."""
        answer = await self.client.post(f"/v1/conversations/{conversation}/messages", json={"content": content, **body})
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["cursor"])

    async def draft(self, text: str, message_id: str = "m1", conversation: str = "room") -> None:
        """Write `text` so far."""
        answer = await self.client.post(
            f"/v1/conversations/{conversation}/drafts", json={"message_id": message_id, "offset": 0, "text": text}
        )
        assert answer.status_code == 200, answer.text

    async def ask(
        self,
        after: str = "0",
        conversation: str = "room",
        known: str | None = None,
        key: str | None = None,
        **query: Any,
    ) -> httpx.Response:
        """Poll, whatever the answer is."""
        headers = {name: value for name, value in (("If-None-Match", known), ("Authorization", key)) if value}
        return await self.client.get(
            f"/v1/conversations/{conversation}/events", params={"after": after, **query}, headers=headers, timeout=90
        )

    async def poll(self, after: str = "0", conversation: str = "room", **query: Any) -> Events:
        """Poll, and be answered."""
        answer = await self.ask(after, conversation, **query)
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=Events)

    def counted(self, metric: str, *labels: str) -> int | float:
        """How far a counter is."""
        return self.services.base.telemetry.counter(metric).labels(*labels).value


Start = Callable[..., Awaitable[Instance]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts services, all on one database file, with settings as environment variables without their prefix."""
    async with AsyncExitStack() as stack:

        async def start(**environ: str) -> Instance:
            given = store_variables(tmp_path / "chat.sqlite3") | environ
            settings, plugins = boot(None, {f"UMBRAL_CHAT_{name}": value for name, value in given.items()})
            app = create_app(settings, plugins)
            history: Any = app.state.services.storage.history
            history.wrapped = plug = Plug(history.wrapped)
            await stack.enter_async_context(app.lifespan())
            await settled(app.state.services.failover)
            client = httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://127.0.0.1")
            return Instance(app, await stack.enter_async_context(client), plug)

        yield start


async def settled(failover: Any) -> None:
    """Wait for what is still connecting: a change of the mode ends a long poll, as a signal does."""
    for _ in range(400):
        if not any(one.state.state == "connecting" for one in failover.status()) and failover.mode != "polling":
            return
        if all(one.rank == 0 for one in failover.status()):
            return
        await asyncio.sleep(0.025)
    raise AssertionError(f"it does not come to rest: {failover.status()}")


@pytest.fixture
async def service(start: Start) -> Instance:
    """A service with the default settings."""
    return await start()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def quick() -> Polling:
    """Ticks so fast that a test can wait for several."""
    return Polling(interval=0.02, min_interval=0.01, max_interval=0.04)


@pytest.fixture
async def transport(store: MemoryStore, quick: Polling) -> AsyncIterator[PollingTransport]:
    """Not started; stopped after the test."""
    transport = PollingTransport(store.storage, quick, SystemClock(), queue=8)
    yield transport
    await transport.stop()


async def looked_at(service: Instance, conversation: str = "room") -> None:
    """Wait until the transport in use has read this log's head, as for a new follower: then its hints arrive."""
    failover: Any = service.services.failover
    for _ in range(2000):
        name = failover.choice.transport
        if name is not None and conversation in failover._transports[name]._watched._last_head:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"nobody asks for {conversation}")
