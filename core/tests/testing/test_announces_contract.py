"""The contract of a transport that announces holds for an honest one and catches each dishonest one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.writes import Appended, Write
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint
from umbral_chat.testing import AnnouncesContract, TransportContract, TransportRig

from .test_transport_contract import QUEUE, Hub, HubTransport


class SilentHub(Hub):
    """Logs that tell nobody."""

    def tell(self, event: HeadHint | SignalHint, *, by: HubTransport | None = None) -> None:
        if by is not None:
            super().tell(event, by=by)

    async def append(self, write: Write) -> Appended:
        appended = await super().append(write)
        await asyncio.sleep(0)
        return appended


class Announcing(HubTransport):
    """An honest one."""

    async def announce(self, hint: EntryHint | HeadHint) -> None:
        if self.task is not None and not self.unplugged:
            self.hub.tell(shortened(hint), by=self)


def shortened(hint: EntryHint | HeadHint) -> HeadHint:
    return HeadHint(hint.conversation, Head(hint.epoch, hint.entry.seq)) if isinstance(hint, EntryHint) else hint


class Contract(AnnouncesContract):
    soon = 0.4
    down_within = 0.4
    settle = 0.03
    transport: type[Announcing] = Announcing

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[TransportRig]:
        hub = SilentHub()
        tried = self.transport(hub)

        async def cut() -> None:
            tried.unplugged = True

        async def mend() -> None:
            tried.unplugged = False

        yield TransportRig(transport=tried, peer=self.transport(hub), logs=hub, cut=cut, mend=mend, queue=QUEUE)


class TestAnnouncing(Contract):
    """An honest transport passes, on a busy machine too, though its store tells nobody."""

    soon = 10.0
    down_within = 10.0


class AnnouncesNothing(Announcing):
    async def announce(self, hint: EntryHint | HeadHint) -> None: ...


class AnnouncesEntriesAlone(Announcing):
    async def announce(self, hint: EntryHint | HeadHint) -> None:
        if isinstance(hint, EntryHint):
            await super().announce(hint)


class OverlooksDeletions(Announcing):
    async def announce(self, hint: EntryHint | HeadHint) -> None:
        if not (isinstance(hint, HeadHint) and isinstance(hint.head, Deleted)):
            await super().announce(hint)


class TellsWhoDoesNotWatch(Announcing):
    def follows(self, event: HeadHint | SignalHint) -> bool:
        return True


class Blocks(Announcing):
    async def announce(self, hint: EntryHint | HeadHint) -> None:
        while self.unplugged:  # noqa: ASYNC110 - a fault, not an example
            await asyncio.sleep(0.01)
        await super().announce(hint)


class Raises(Announcing):
    async def announce(self, hint: EntryHint | HeadHint) -> None:
        if self.unplugged:
            raise OSError("unplugged")
        await super().announce(hint)


class RaisesWhenItIsOff(Announcing):
    async def announce(self, hint: EntryHint | HeadHint) -> None:
        if self.task is None:
            raise RuntimeError("not started")
        await super().announce(hint)


class StaysDeaf(Announcing):
    """After an outage nothing of the others arrives, and nothing goes out."""

    def connect(self) -> None:
        if "down" not in self.been:
            super().connect()

    @property
    def been(self) -> set[str]:
        return {"down"} if self.state.state == "down" else set()


OFFENCES = [
    ("test_an_announced_entry_is_hinted_elsewhere", AnnouncesNothing),
    ("test_an_announced_head_and_a_deletion_are_hinted_elsewhere", AnnouncesEntriesAlone),
    ("test_an_announced_head_and_a_deletion_are_hinted_elsewhere", OverlooksDeletions),
    ("test_what_nobody_watches_is_announced_in_vain", TellsWhoDoesNotWatch),
    ("test_announcing_never_waits_and_never_raises", Blocks),
    ("test_announcing_never_waits_and_never_raises", Raises),
    ("test_announcing_never_waits_and_never_raises", RaisesWhenItIsOff),
    ("test_after_an_outage_what_is_announced_is_hinted_again", StaysDeaf),
]


@pytest.mark.parametrize(("guarantee", "transport"), OFFENCES, ids=lambda value: getattr(value, "__name__", None))
async def test_a_broken_transport_is_caught(guarantee: str, transport: type[Announcing]) -> None:
    contract = Contract()
    contract.transport = transport
    with pytest.raises((AssertionError, OSError, RuntimeError)):
        await getattr(contract, guarantee)()


def test_each_guarantee_can_be_broken() -> None:
    guarantees = {name for name in vars(AnnouncesContract) if name.startswith("test_")}
    assert {guarantee for guarantee, _ in OFFENCES} == guarantees
    assert issubclass(AnnouncesContract, TransportContract)
