"""A plugin author's use of the public names. mypy checks this file, nothing runs it: it must stay free of errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any, Literal, assert_type

import click
from litestar import get
from litestar.types import ControllerRouterHandler
from umbral_chat import (
    DEVICE,
    START,
    Base,
    CancelBody,
    Check,
    CheckResult,
    Consumer,
    Conversation,
    Cursor,
    Entry,
    FoldedMessage,
    Head,
    HeadHint,
    History,
    HistoryUnavailable,
    Message,
    Offer,
    Presence,
    PresenceLink,
    PresenceState,
    Principal,
    ProgressBody,
    Receipt,
    Record,
    Renewal,
    Report,
    RequestError,
    RosterSignal,
    RunBody,
    RunEndBody,
    RunEnded,
    RunView,
    Secret,
    Section,
    SendBody,
    Sender,
    Services,
    SharedStore,
    Signal,
    Storage,
    Transport,
    TransportEvent,
    TransportState,
    TypingNow,
    Viewer,
    WriteMessage,
    hookimpl,
    viewer,
)
from umbral_chat.commands import Client, command, conversation_argument, current_service, run_async
from umbral_chat.model.fold import apply
from umbral_chat.testing import TransportContract, TransportRig


class Settings(Section, frozen=True):
    """A section."""

    url: str = "http://127.0.0.1"
    password: Secret | None = None


class Pager:
    """A consumer."""

    name = "pager"

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """Entries are told apart by their class."""
        match entry:
            case Message():
                assert_type(entry.content, str)
            case _:
                assert_type(entry.seq, int)


class Wire:
    """A transport."""

    name = "wire"
    rank = 5

    def __init__(self, state: TransportState) -> None:
        self.state = state

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def publish(self, signal: Signal) -> None: ...
    def watch(self, conversation: str) -> None: ...
    def unwatch(self, conversation: str) -> None: ...

    async def events(self) -> AsyncIterator[TransportEvent]:
        """A generator is an iterator of events."""
        yield HeadHint("room", Head("aaaaaaaaaa", 1))


class Porter:
    """A presence."""

    name = "porter"
    rank = 1

    def __init__(self) -> None:
        self.lifespan: AbstractAsyncContextManager[object] = nullcontext()

    def attach(self, link: PresenceLink) -> None:
        link.changed("room")
        assert_type(link.mode(), Literal["local", "polling", "live"])

    def report(self, conversation: str, report: Report) -> Renewal:
        return Renewal(report.person.id or "", expires_in=45.0, renew_in=15.0, listed=True)

    def leave(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        return False

    def renew(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        return False

    def holding(self, conversation: str, person: Sender, device: str = DEVICE) -> AbstractContextManager[None]:
        return nullcontext()

    def typing(self, conversation: str, person: Sender, typing: bool, *, seconds: float | None = None) -> TypingNow:
        return TypingNow(typing, seconds or 0.0)

    def state(self, conversation: str, viewer: Viewer) -> PresenceState:
        raise NotImplementedError

    async def settled(self, conversation: str) -> None: ...
    def learn(self, signal: RosterSignal) -> None: ...
    def wrote(self, conversation: str, sender: Sender, at: datetime | None = None) -> None: ...
    def forget(self, conversation: str) -> None: ...


@hookimpl
def umbral_chat_presence(base: Base, storage: Storage) -> Presence | None:
    return Porter()


@hookimpl
def umbral_chat_settings() -> type[Settings]:
    return Settings


@hookimpl
def umbral_chat_transport(base: Base, storage: Storage) -> Transport | None:
    settings = base.settings.section("wire", Settings)
    assert_type(settings.password, Secret | None)
    return Wire(TransportState("off", f"{storage.name}, {settings.url}", base.clock.now()))


@hookimpl
def umbral_chat_routes(services: Services) -> Sequence[ControllerRouterHandler]:
    @get("/acme", opt={"right": "read"})
    async def acme() -> dict[str, Any]:
        batch = await services.feeds.read("room", START, 10)
        assert_type(batch.cursor, Cursor)
        return {"head": batch.head}

    return [acme]


@hookimpl
def umbral_chat_offers(services: Services, conversation: str, principal: Principal) -> Sequence[Offer]:
    return [Offer(edge="acme", rank=1, url=f"/acme/{conversation}")] if "read" in principal.rights else []


@hookimpl
def umbral_chat_consumers(services: Services) -> Sequence[Consumer]:
    return [Pager()]


@hookimpl
def umbral_chat_checks(services: Services) -> Sequence[Check]:
    async def reach() -> CheckResult:
        try:
            await services.storage.history.heads(["room"])
        except HistoryUnavailable as error:
            assert_type(error.code, str)
            return CheckResult(ok=False, detail=str(error), mend="Start the database.")
        return CheckResult(ok=True, detail="reached")

    async def optional() -> CheckResult:
        return CheckResult(ok=True, detail="nothing is configured", skipped=True)

    return [Check("acme", reach, ready=True), Check("acme optional", optional, seconds=10, needs_store=False)]


@hookimpl
def umbral_chat_commands() -> Sequence[click.Command]:
    @command("acme", "umbral-chat acme demo")
    @conversation_argument
    @click.pass_context
    @run_async
    async def acme(ctx: click.Context, conversation: str) -> None:
        async with Client(current_service(ctx)) as client:
            await client.call("GET", f"/acme/{conversation}")

    return [acme]


async def speak(services: Services, caller: Principal) -> None:
    """What a route that is no send asks, and how a plugin sends."""
    assert_type(services.chat.speaking(caller, None), Sender)
    sent = await services.chat.send(caller, "room", SendBody(content="Hi"), "key-1")
    assert_type(sent.created, bool)
    assert_type(await services.feeds.epoch("room"), str | None)
    assert_type(viewer(caller).ids, bool)


async def answer(services: Services, caller: Principal) -> None:
    """What a plugin that answers does with a run."""
    started = await services.runs.start(caller, "room", RunBody(for_seq=1))
    progress = await services.runs.progress(caller, "room", started.run_id, ProgressBody(state="tool", label="search"))
    assert_type(progress.cancel_requested, bool)
    await services.runs.cancel(caller, "room", started.run_id, CancelBody())
    ended = await services.runs.end(caller, "room", started.run_id, RunEndBody(outcome="completed"))
    assert_type(ended, RunEnded)
    assert_type(services.runs.of("room"), list[RunView])
    assert_type(services.receipts.of("room"), list[Receipt])


async def use(history: History, store: SharedStore) -> None:
    """Providers."""
    sender = Sender(role="assistant", name="Bot")
    appended = await history.append(WriteMessage(conversation="room", subject="key:n8n", sender=sender, content="Hi"))
    assert_type(appended.entry, Entry)
    page = await history.read("room", 0, 10)
    assert_type(page.head, Head | None)
    assert_type(apply({}, page.entries), dict[str, FoldedMessage])
    assert_type(await history.conversation("room"), Conversation | None)
    assert_type(await store.compare_and_set("acme", "key", b"value", expect=0), Record | None)
    assert_type(Cursor.parse("aaaaaaaaaa.1"), Cursor)


def switch(error: RequestError) -> str:
    """Errors have a code to switch on."""
    return f"{error.status} {error.code} {error.field or ''}"


class TestWire(TransportContract):
    """The suite is subclassed with a typed rig."""

    def rig(self) -> AbstractAsyncContextManager[TransportRig]:
        @asynccontextmanager
        async def rig() -> AsyncIterator[TransportRig]:
            raise NotImplementedError
            yield

        return rig()
