"""A transport that must tell the others itself is told what was written here, and harms nobody whatever it does."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest
from umbral_chat._core.delivery.bus import LogChange
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.model.entries import Message, Sender
from umbral_chat.providers.transport import EntryHint, HeadHint

from ..feed.virtual import run  # noqa: TID252 - tests are no package
from .test_failover import running
from .transports import ScriptedTransport

EPOCH = "aaaaaaaaaa"


def said(seq: int, conversation: str = "room") -> LogChange:
    message = Message(
        seq=seq, at=datetime(2026, 1, 1, tzinfo=UTC), sender=Sender("user"), message_id=f"m{seq}", content="x"
    )
    return LogChange(conversation, EPOCH, [EncodedEntry.of(message)])


class AnnouncingTransport(ScriptedTransport):
    """Does with what it is to announce what a test says."""

    def __init__(self, name: str = "announcing", rank: int = 10) -> None:
        super().__init__(name, rank)
        self.announced: list[EntryHint | HeadHint] = []
        self.announce_takes = 0.0
        self.announce_failure: BaseException | None = None

    async def announce(self, hint: EntryHint | HeadHint) -> None:
        await asyncio.sleep(self.announce_takes)
        if self.announce_failure is not None:
            raise self.announce_failure
        self.announced.append(hint)

    @property
    def seqs(self) -> list[int]:
        return [hint.entry.seq for hint in self.announced if isinstance(hint, EntryHint)]


def test_entries_and_deletions_are_announced_in_order() -> None:
    async def main() -> None:
        transport = AnnouncingTransport()
        async with running(transport) as instance:
            for happened in (said(1), said(2), LogChange("room", "", [])):
                instance.failover.announce(happened)
                await asyncio.sleep(0.1)
        assert transport.seqs == [1, 2]
        assert transport.announced[-1] == HeadHint("room", Deleted())

    run(main())


def test_one_that_is_not_in_use_announces_all_the_same() -> None:
    async def main() -> None:
        used, spare = ScriptedTransport("used", 20), AnnouncingTransport("spare", 10)
        async with running(used, spare) as instance:
            assert instance.failover.choice.transport == "used"
            instance.failover.announce(said(1))
            await asyncio.sleep(0.1)
        assert spare.seqs == [1]

    run(main())


def test_what_happens_while_it_is_down_is_announced_when_it_is_back() -> None:
    async def main() -> None:
        transport = AnnouncingTransport()
        async with running(transport) as instance:
            transport.becomes = "connecting"
            transport.become("down")
            await asyncio.sleep(0.1)
            for seq in range(1, 400):
                instance.failover.announce(said(seq))
            await asyncio.sleep(3)
            assert transport.announced == []
            transport.become("live")
            await asyncio.sleep(0.1)
        assert transport.announced[0] == HeadHint("room", Head(EPOCH, 143))
        assert transport.seqs == list(range(144, 400))

    run(main())


@pytest.mark.parametrize("failure", [OSError("no route"), asyncio.CancelledError()], ids=["raises", "cancels"])
def test_one_that_fails_is_named_once_and_goes_on(failure: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        transport = AnnouncingTransport()
        async with running(transport) as instance:
            transport.announce_failure = failure
            for seq in range(1, 4):
                instance.failover.announce(said(seq))
            await asyncio.sleep(0.1)
            transport.announce_failure = None
            instance.failover.announce(said(4))
            await asyncio.sleep(0.1)
            assert instance.mode() == "live"
        assert transport.seqs == [4]

    with caplog.at_level(logging.WARNING):
        run(main())
    assert [record.levelname for record in caplog.records if "announcing" in record.getMessage()] == ["WARNING"]


def test_one_that_hangs_holds_up_no_other_and_no_signal() -> None:
    async def main() -> None:
        slow, quick = AnnouncingTransport("slow", 20), AnnouncingTransport("quick", 10)
        slow.announce_takes = 1e6
        async with running(slow, quick) as instance:
            for seq in (1, 2, 3):
                instance.failover.announce(said(seq))
            await asyncio.sleep(0.1)
            assert quick.seqs == [1, 2, 3]
            slow.announce_takes = 0
            await asyncio.sleep(6)
            assert slow.seqs == [2, 3], "the one that hung is lost, and the others follow"

    run(main())


def test_a_transport_without_the_ability_is_not_asked() -> None:
    async def main() -> None:
        async with running(ScriptedTransport()) as instance:
            instance.failover.announce(said(1))
            await asyncio.sleep(0.1)
            assert instance.mode() == "live"

    run(main())
