"""The contract of a transport that announces, as `umbral_chat.testing.transport` has it of every transport."""

from __future__ import annotations

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.transport import Announces, EntryHint, HeadHint, Transport
from umbral_chat.testing.rig import EPOCH, Listener, TransportRig, about, announced, at_once, paired, passes_on
from umbral_chat.testing.transport import TransportContract


class AnnouncesContract(TransportContract):
    """The same of a transport that also has the ability `umbral_chat.providers.transport.Announces`.

    What these tests announce is in no log: so what is hinted came by the announcement.
    """

    async def test_an_announced_entry_is_hinted_elsewhere(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            rig.transport.watch("room")
            await self._hinted(listener, "room", await rig.append("room"))
            await self._told(rig, listener, announced("room", 1000))

    async def test_an_announced_head_and_a_deletion_are_hinted_elsewhere(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            rig.transport.watch("room")
            await self._hinted(listener, "room", await rig.append("room"))
            await self._told(rig, listener, HeadHint("room", Head(EPOCH, 2000)))
            await self._told(rig, listener, HeadHint("room", Deleted()))

    async def test_what_nobody_watches_is_announced_in_vain(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            for conversation in ("room", "stranger"):
                await rig.append(conversation)
            rig.transport.watch("room")
            await self._announce(rig.peer, announced("stranger", 1000))
            await self._told(rig, listener, announced("room", 1000))
            assert [event for event in listener.events if about(event) == "stranger"] == []

    async def test_announcing_never_waits_and_never_raises(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            await self._announce(rig.transport, announced("room", 1))
            async with self._running(rig.transport, listening=False):
                await self._announce(rig.transport, announced("room", 2))
                await rig.cut()
                for seq in range(3, 3 * rig.queue):
                    await self._announce(rig.transport, announced("room", seq))
            await self._announce(rig.transport, announced("room", 1))
            await rig.mend()

    async def test_after_an_outage_what_is_announced_is_hinted_again(self) -> None:
        async with (
            paired(self.rig(), within=self.soon) as rig,
            self._running(rig.peer) as there,
            self._running(rig.transport) as here,
        ):
            for transport in (rig.transport, rig.peer):
                transport.watch("room")
            await rig.cut()
            await self._reach(rig.transport, "down", within=self.down_within)
            await self._announce(rig.transport, announced("room", 1000))
            await rig.mend()
            await self._reach(rig.transport, "live", within=self.down_within)
            await self._told(rig, here, announced("room", 2000))
            await self._told(rig, there, announced("room", 3000), by=rig.transport)

    async def _announce(self, transport: Transport, hint: EntryHint | HeadHint) -> None:
        assert isinstance(transport, Announces), f"{type(transport).__name__} has no announce()"
        async with at_once("announce"):
            await transport.announce(hint)

    async def _told(
        self, rig: TransportRig, listener: Listener, hint: EntryHint | HeadHint, *, by: Transport | None = None
    ) -> None:
        # As for signals: one may be lost, and one of several has to come through.
        for _ in range(4):
            await self._announce(by or rig.peer, hint)
            try:
                await listener.until(lambda event: passes_on(event, hint), f"{hint!r:.200}", within=self.soon / 4)
            except AssertionError:
                continue
            return
        raise AssertionError(f"{hint!r:.200} was announced four times and hinted to nobody")


__all__ = ["AnnouncesContract"]
