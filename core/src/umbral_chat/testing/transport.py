"""The contract of a Transport, as tests that any transport's package can run.

Subclass `TransportContract` in a test module, provide the rig, and pytest runs one test a guarantee::

    class TestMyTransport(TransportContract):
        @asynccontextmanager
        async def rig(self):
            async with two_instances_on_one_store() as (here, elsewhere):
                yield TransportRig(
                    transport=MyTransport(here, queue=32),
                    peer=MyTransport(elsewhere, queue=32),
                    logs=elsewhere.history,
                    cut=here.unplug,
                    mend=here.plug,
                    queue=32,
                )

The fields of `TransportRig` say what each of these is. The tests are async and need `anyio_mode = "auto"` in pytest's
settings. `soon` and `down_within` may be set on the subclass for a transport that is slower by nature, and `patience`,
the bound on a whole test, above `2 * down_within + 4 * soon`; a guarantee is only opted out of by `xfail` with its
reason. `AnnouncesContract` holds more, of a transport that announces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.signals import ReadSignal
from umbral_chat.providers.transport import (
    HeadHint,
    SignalHint,
    StateChanged,
    StateName,
    Transport,
)
from umbral_chat.testing.bounded import BoundedSuite
from umbral_chat.testing.rig import (
    Listener,
    TransportRig,
    about,
    at_once,
    most_events,
    open_files,
    paired,
    state_of,
    tells,
)


class TransportContract(BoundedSuite):
    """One test a guarantee of `umbral_chat.providers.transport.Transport`."""

    soon: float = 10.0
    """Seconds in which a working transport becomes live and tells what happened."""
    down_within: float = 45.0
    """Seconds in which it admits that nothing reaches it, and in which it is back when something does."""
    settle: float = 0.3
    """Seconds that what is under way is given, where the test is that nothing comes of it."""

    def rig(self) -> AbstractAsyncContextManager[TransportRig]:
        """Two instances on one store. To be provided."""
        raise NotImplementedError

    # tasks

    async def test_it_is_off_until_it_is_started_and_then_soon_live(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            assert state_of(rig.transport) == "off"
            await rig.transport.start()
            assert state_of(rig.transport) in {"connecting", "live"}
            await self._reach(rig.transport, "live", within=self.soon)
            await rig.transport.stop()
            assert state_of(rig.transport) == "off"

    async def test_starting_does_not_wait_for_a_connection(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            await rig.cut()
            async with at_once("start"):
                await rig.transport.start()
            await asyncio.sleep(self.settle)
            assert rig.transport.state.state != "live", "it claims to be live, and nothing reaches it"
            async with asyncio.timeout(self.soon):
                await rig.transport.stop()
            await rig.mend()

    async def test_starting_what_runs_and_stopping_what_does_not_are_no_ops(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            await rig.transport.stop()
            assert state_of(rig.transport) == "off"
            async with self._running(rig.transport):
                tasks = asyncio.all_tasks()
                await rig.transport.start()
                assert state_of(rig.transport) == "live", "starting again began anew"
                assert asyncio.all_tasks() <= tasks, "starting again began a second time"
                await rig.transport.stop()
                await rig.transport.stop()
                assert state_of(rig.transport) == "off"

    async def test_the_events_end_when_it_stops(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            await rig.transport.stop()
            for _ in range(100):
                if listener.ended:
                    break
                await asyncio.sleep(self.soon / 100)
            assert listener.ended, "events() goes on after stop"

    async def test_stopping_leaves_no_task_and_no_file(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            rig.transport.watch("watched")
            await self._once(rig.transport)
            tasks, files = asyncio.all_tasks(), open_files()
            for _ in range(3):
                await self._once(rig.transport)
            left = asyncio.all_tasks() - tasks
            assert not left, f"stop left {', '.join(task.get_name() for task in left)}"
            assert open_files() < files + 3, "each start leaves a file or socket open"

    async def test_it_runs_again_after_a_stop(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            rig.transport.watch("again")
            await self._once(rig.transport)
            head = await rig.append("again")
            async with self._running(rig.transport) as listener:
                await self._hinted(listener, "again", head)

    async def test_each_change_of_state_is_told(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            told = await listener.until(
                lambda event: isinstance(event, StateChanged) and event.state.state == "live",
                "that it is live",
                within=self.soon,
            )
            assert isinstance(told, StateChanged)
            assert told.state.since.utcoffset() is not None, "`since` has no time zone"
            assert told.state.reason, "a state without its reason"

    # delivery and interest

    async def test_an_entry_of_another_instance_is_hinted(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            rig.transport.watch("room")
            for _ in range(3):
                await self._hinted(listener, "room", await rig.append("room"))

    async def test_what_happened_before_it_was_watched_is_hinted(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            head = await rig.append("before")
            async with self._running(rig.transport) as listener:
                rig.transport.watch("before")
                await self._hinted(listener, "before", head)

    async def test_what_was_watched_before_it_started_is_hinted(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            head = await rig.append("early")
            rig.transport.watch("early")
            async with self._running(rig.transport) as listener:
                await self._hinted(listener, "early", head)

    async def test_of_many_that_are_watched_at_once_each_is_hinted(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            heads = {f"many-{number}": await rig.append(f"many-{number}") for number in range(2 * rig.queue)}
            for conversation in heads:
                rig.transport.watch(conversation)
            for conversation, head in heads.items():
                await self._hinted(listener, conversation, head)

    async def test_a_conversation_that_is_made_while_it_is_watched_is_hinted(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            rig.transport.watch("unmade")
            await asyncio.sleep(self.settle)
            await self._hinted(listener, "unmade", await rig.append("unmade"))

    async def test_watching_again_hints_again(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            head = await rig.append("again")
            rig.transport.watch("again")
            await self._hinted(listener, "again", head)
            rig.transport.unwatch("again")
            since = len(listener.events)
            rig.transport.watch("again")
            await self._hinted(listener, "again", head, since=since)

    async def test_watching_twice_needs_unwatching_twice(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            rig.transport.watch("twice")
            rig.transport.watch("twice")
            rig.transport.unwatch("twice")
            await self._hinted(listener, "twice", await rig.append("twice"))
            rig.transport.unwatch("twice")
            await self._unheard(rig, listener, "twice")

    async def test_what_nobody_watches_is_not_hinted(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            await self._unheard(rig, listener, "stranger")

    async def test_a_deletion_is_hinted(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            rig.transport.watch("deleted")
            await self._hinted(listener, "deleted", await rig.append("deleted"))
            await rig.delete("deleted")
            await listener.until(
                lambda event: event == HeadHint("deleted", Deleted()), "the deletion", within=self.soon
            )

    # signals

    async def test_a_signal_of_another_instance_arrives(self) -> None:
        async with (
            paired(self.rig(), within=self.soon) as rig,
            self._running(rig.transport) as listener,
            self._running(rig.peer),
        ):
            rig.transport.watch("room")
            await self._hinted(listener, "room", await rig.append("room"))
            await self._arrives(rig.peer, listener, ReadSignal(conversation="room", subject="peer", seq=1))

    async def test_a_signal_reaches_other_instances_and_not_its_own(self) -> None:
        async with (
            paired(self.rig(), within=self.soon) as rig,
            self._running(rig.transport) as here,
            self._running(rig.peer) as there,
        ):
            head = await rig.append("room")
            for transport, listener in ((rig.transport, here), (rig.peer, there)):
                transport.watch("room")
                await self._hinted(listener, "room", head)
            own = ReadSignal(conversation="room", subject="own", seq=1)
            await self._arrives(rig.transport, there, own)
            await self._arrives(rig.peer, here, ReadSignal(conversation="room", subject="peer", seq=1))
            assert SignalHint(own) not in here.events, "it hears itself"

    # bounds

    async def test_a_reader_who_does_not_read_costs_bounded_memory_and_no_head(self) -> None:
        async with (
            paired(self.rig(), within=self.soon) as rig,
            self._running(rig.transport, listening=False) as listener,
        ):
            async with self._running(rig.peer):
                heads = await self._flood(rig)
            reading = asyncio.create_task(listener.run())
            for conversation, head in heads.items():
                await self._hinted(listener, conversation, head)
            await asyncio.sleep(self.settle)
            most = most_events(rig.queue, len(heads))
            assert len(listener.events) <= most, (
                f"{len(listener.events)} events were kept, for a bound of {rig.queue}: {most} may be"
            )
            await rig.transport.stop()
            await asyncio.wait_for(reading, self.soon)

    async def test_publishing_never_waits(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig:
            async with self._running(rig.transport, listening=False):
                await rig.cut()
                for seq in range(1, 3 * rig.queue):
                    async with at_once("publish"):
                        await rig.transport.publish(ReadSignal(conversation="room", subject="own", seq=seq))
            await rig.mend()

    # honesty

    async def test_it_admits_that_nothing_reaches_it_and_finds_what_it_missed(self) -> None:
        async with paired(self.rig(), within=self.soon) as rig, self._running(rig.transport) as listener:
            rig.transport.watch("room")
            await self._hinted(listener, "room", await rig.append("room"))
            await rig.cut()
            missed = await rig.append("room")
            await self._reach(rig.transport, "down", within=self.down_within)
            await rig.transport.publish(ReadSignal(conversation="room", subject="own", seq=1))
            await rig.mend()
            await self._reach(rig.transport, "live", within=self.down_within)
            await self._hinted(listener, "room", missed)

    # how

    @asynccontextmanager
    async def _running(self, transport: Transport, *, listening: bool = True) -> AsyncIterator[Listener]:
        await transport.start()
        listener = Listener(transport)
        reading = asyncio.create_task(listener.run()) if listening else None
        try:
            await self._reach(transport, "live", within=self.soon)
            yield listener
        finally:
            await transport.stop()
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _once(self, transport: Transport) -> None:
        async with self._running(transport, listening=False):
            pass

    async def _reach(self, transport: Transport, state: StateName, *, within: float) -> None:
        deadline = asyncio.get_running_loop().time() + within
        while transport.state.state != state:
            assert asyncio.get_running_loop().time() < deadline, (
                f"not {state} within {within:g} s, but {transport.state.state}: {transport.state.reason}"
            )
            await asyncio.sleep(0.01)

    async def _hinted(self, listener: Listener, conversation: str, head: Head, *, since: int = 0) -> None:
        await listener.until(
            lambda event: tells(event, conversation, head),
            f"entry {head.seq} of {conversation!r}",
            within=self.soon,
            since=since,
        )

    async def _unheard(self, rig: TransportRig, listener: Listener, conversation: str) -> None:
        await asyncio.sleep(self.settle)  # hints that were under way when it was unwatched
        since = len(listener.events)
        await rig.append(conversation)
        rig.transport.watch("control")
        await self._hinted(listener, "control", await rig.append("control"), since=since)
        await asyncio.sleep(self.settle)
        strays = [event for event in listener.events[since:] if about(event) == conversation]
        assert not strays, f"nobody watches {conversation!r}, and it tells {strays}"

    async def _arrives(self, sender: Transport, listener: Listener, signal: ReadSignal) -> None:
        # No delivery is promised, so it is sent again; but one of several has to come through.
        for _ in range(4):
            await sender.publish(signal)
            try:
                await listener.until(lambda event: event == SignalHint(signal), "the signal", within=self.soon / 4)
            except AssertionError:
                continue
            return
        raise AssertionError(f"{signal} was published four times and told nobody")

    async def _flood(self, rig: TransportRig) -> dict[str, Head]:
        conversations = [f"flooded-{number}" for number in range(8)]
        for conversation in conversations:
            rig.transport.watch(conversation)
        heads: dict[str, Head] = {}
        for wave in range(8):
            for conversation in conversations:
                heads[conversation] = await rig.append(conversation)
            for seq in range(rig.queue // 2):
                signal = ReadSignal(conversation=conversations[0], subject=f"peer-{wave}", seq=seq)
                await rig.peer.publish(signal)
            await asyncio.sleep(self.settle)
        return heads


__all__ = ["TransportContract", "TransportRig"]
