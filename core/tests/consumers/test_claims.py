"""Claims: one holder a conversation, in order, nothing lost, and whoever is late finds out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import msgspec
import pytest
from umbral_chat._core.consumers import claim_records
from umbral_chat.errors import ClaimExpired, HistoryUnavailable, TooManyRequests
from umbral_chat.model.entries import Entry
from umbral_chat.providers.consumers import Claim, Claims
from umbral_chat.providers.edges import LogEnd

from ..feed.virtual import run  # noqa: TID252 - tests are no package
from .world import Worker, World, seqs, small, upto


async def one(claims: Claims, *, entries: int = 100, lease: float = 60, wait: float = 30) -> Claim:
    [claim] = await claims.claim(entries=entries, lease=lease, wait=wait)
    return claim


def test_a_claim_holds_its_conversation_until_it_is_acknowledged() -> None:
    async def main() -> None:
        world = World()
        world.append("a", times=3)
        world.append("b", times=150)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            given = await claims.claim(maximum=10, wait=5)
            assert {claim.conversation: seqs(claim) for claim in given} == {"a": upto(3), "b": upto(100)}
            assert len({claim.id for claim in given}) == 2
            assert all(len(claim.id) > 20 and claim.tries == 0 for claim in given)
            world.append("a", bus=instance.bus)
            assert await claims.claim(maximum=10, wait=5) == []
            await claims.ack([claim.id for claim in given])
            given = await claims.claim(maximum=10)
            assert {claim.conversation: seqs(claim) for claim in given} == {"a": [4], "b": list(range(101, 151))}
            await claims.ack([claim.id for claim in given])
            assert await claims.claim(maximum=10, wait=30) == []
            assert world.cursor("b", "worker") == {"epoch": world.key("b")[1], "seq": 150}
            assert not any("claims" in namespace for namespace, _ in world.store.records)

    run(main())


def test_a_wait_ends_at_once_for_an_append_here_and_within_a_second_for_one_elsewhere() -> None:
    async def main() -> None:
        world = World()
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            loop = asyncio.get_running_loop()
            for elsewhere, most in ((False, 0.1), (True, 1.2)):
                waiting = asyncio.create_task(one(claims, wait=100))
                await asyncio.sleep(15.5)
                assert not waiting.done()
                began = loop.time()
                world.append(bus=None if elsewhere else instance.bus)
                claim = await waiting
                assert loop.time() - began <= most
                await claims.ack([claim.id])
            began = loop.time()
            assert await claims.claim(wait=7) == []
            assert 7 <= loop.time() - began < 7.2

    run(main())


def test_a_wait_is_cheap_while_nothing_comes_and_ends_when_the_service_drains() -> None:
    async def main() -> None:
        world = World()
        world.append("old")
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            await claims.ack([(await one(claims)).id])
            waiting = [asyncio.create_task(claims.claim(wait=1000)) for _ in range(20)]
            await asyncio.sleep(20)
            writes, reads = world.store.writes, len(world.history.reads)
            await asyncio.sleep(100)
            assert (world.store.writes - writes, len(world.history.reads) - reads) == (0, 0)
            instance.lifecycle.drain()
            assert await asyncio.wait_for(asyncio.gather(*waiting), 1) == [[]] * 20

    run(main())


def test_an_expired_claim_goes_to_the_next_and_its_holder_is_late() -> None:
    async def main() -> None:
        world = small()
        world.append(times=3)
        async with world.started() as here, world.started() as there:
            claims, others = await here.consumers.claims(Worker()), await there.consumers.claims(Worker())
            late = await one(claims, lease=10)
            assert await others.claim(wait=8) == []
            given = await one(others, wait=15)
            assert (given.conversation, seqs(given), given.tries) == ("room", [1], 1), "alone, as it may be the reason"
            for call in (claims.ack([late.id]), others.ack([late.id]), others.release([late.id])):
                with pytest.raises(ClaimExpired) as refused:
                    await call
                assert refused.value.extra == {"claim_ids": [late.id]}
            await claims.ack([given.id])  # by another instance than the one that gave it
            assert seqs(await one(others, wait=15)) == [2], "so may be each that was in the claim"

    run(main())


def test_a_late_holder_learns_it_even_when_nobody_took_its_conversation() -> None:
    async def main() -> None:
        world = small()
        world.append(times=3)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            late = await one(claims, lease=2)
            await asyncio.sleep(3)
            with pytest.raises(ClaimExpired):
                await claims.ack([late.id])
            assert seqs(await one(claims)) == [1]

    run(main())


def test_of_several_ids_the_valid_ones_are_taken() -> None:
    async def main() -> None:
        world = World()
        for name in ("a", "b"):
            world.append(name)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            given = await claims.claim(maximum=2, wait=5)
            unknown = ["", "x" * 300, "no\nclaim", "nothing"]
            with pytest.raises(ClaimExpired) as refused:
                await claims.ack([given[0].id, *unknown, given[1].id, given[0].id])
            assert sorted(refused.value.claim_ids) == sorted(unknown)
            with pytest.raises(ClaimExpired):
                await claims.ack([given[0].id])
            assert await claims.claim(maximum=2, wait=15) == []

    run(main())


def test_what_is_released_is_given_again_after_its_delay_and_is_no_try_unless_it_failed() -> None:
    async def main() -> None:
        world = small(tries=2)
        world.append(times=5)
        async with world.started() as here, world.started() as there:
            claims, others = await here.consumers.claims(Worker()), await there.consumers.claims(Worker())
            for _ in range(5):
                claim = await one(claims, entries=2)
                assert (seqs(claim), claim.tries) == ([1, 2], 0)
                await claims.release([claim.id])
            claim = await one(claims)
            await others.release([claim.id], delay=100)
            assert await claims.claim(wait=95) == []
            assert await others.claim(wait=1) == []
            claim = await one(claims, wait=20)
            assert claim.tries == 0
            await claims.release([claim.id], failed="could not parse it\n")
            state = here.consumers.state("worker")
            assert state is not None
            assert state.last_error is not None
            assert (state.failures, state.last_error.reason) == (1, "could not parse it")
            claim = await one(claims, wait=20)
            assert (seqs(claim), claim.tries) == ([1, 2], 1)
            await others.release([claim.id], failed="one of the two")
            assert await here.consumers.dead_letters("worker") == []
            claim = await one(claims, wait=20)
            assert (seqs(claim), claim.tries) == ([1], 1)
            await others.release([claim.id], failed="again", delay=1000)
            [letter] = await here.consumers.dead_letters("worker")
            assert (letter.seq, letter.tries, letter.reason) == (1, 2, "again")
            claim = await one(others, wait=0.1)
            assert (seqs(claim), claim.tries) == ([2], 0)
            await others.ack([claim.id])
            assert seqs(await one(others, wait=0.1)) == [3, 4, 5]

    run(main())


def test_claims_that_nobody_ends_lead_to_the_dead_letter_of_the_one_that_is_the_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        world = small(tries=3)
        world.append(times=6)
        acked: list[int] = []
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            while (given := await claims.claim(lease=5, wait=60)) and len(acked) < 20:
                [claim] = given
                if 4 in seqs(claim):
                    await asyncio.sleep(6)  # it crashes on entry 4
                else:
                    await claims.ack([claim.id])
                    acked += seqs(claim)
            assert acked == [1, 2, 3, 5, 6]
            [letter] = await instance.consumers.dead_letters("worker")
            assert (letter.seq, letter.tries, letter.reason) == (4, 3, "the claim expired")
            # A retry is a claim of its own.
            assert await instance.consumers.retry("worker") == 1
            claim = await one(claims, wait=20)
            assert (seqs(claim), claim.tries) == ([4], 3)
            assert await claims.claim(wait=5) == []
            await claims.release([claim.id], failed="still")
            [letter] = await instance.consumers.dead_letters("worker")
            assert (letter.tries, letter.retry, letter.reason) == (4, False, "still")
            await instance.consumers.retry("worker")
            claim = await one(claims, wait=20)
            await claims.release([claim.id])
            claim = await one(claims, wait=20)
            await claims.ack([claim.id])
            assert await instance.consumers.dead_letters("worker") == []
            assert await claims.claim(wait=20) == []

    with caplog.at_level(logging.CRITICAL):
        run(main())


@pytest.mark.parametrize("bad", [{76}, {1}, {100}, {40, 76}, {2, 3, 99}])
def test_an_entry_deep_in_a_claim_costs_few_leases_and_no_other_is_given_up(
    bad: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        world = small(tries=5)
        world.append(times=130)
        acked: list[int] = []
        expired = 0
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            while len(acked) < 130 - len(bad):
                claim = await one(claims, lease=5, wait=600)
                if bad & set(seqs(claim)):
                    expired += 1
                    await asyncio.sleep(6)
                else:
                    await claims.ack([claim.id])
                    acked += seqs(claim)
            assert await claims.claim(wait=600) == []
            letters = await instance.consumers.dead_letters("worker")
        assert acked == [seq for seq in upto(130) if seq not in bad]
        assert {letter.seq for letter in letters} == bad
        # By halves until it is alone, and then as often as it may be tried; one by one it were 75 and more.
        assert expired <= len(bad) * (7 + 5)

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_the_end_of_a_log_is_a_claim_in_its_place() -> None:
    async def main() -> None:
        world = small()
        world.append(times=2)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            claim = await one(claims)
            _, old = world.key()
            world.delete(bus=instance.bus)
            world.append(times=2, bus=instance.bus)
            _, new = world.key()
            await claims.ack([claim.id])
            end = await one(claims)
            assert (end.end, end.entries, end.epoch) == (LogEnd(old, new), [], old)
            assert await claims.claim(wait=5) == []
            await claims.release([end.id])
            end = await one(claims)
            assert end.end == LogEnd(old, new)
            await claims.ack([end.id])
            claim = await one(claims)
            assert (claim.epoch, seqs(claim)) == (new, [1, 2])
            await claims.ack([claim.id])
            world.delete(bus=instance.bus)
            end = await one(claims)
            assert end.end == LogEnd(new)
            await claims.ack([end.id])
            assert not any(key == "room" for _, key in world.store.records)
            assert await claims.claim(wait=30) == []

    run(main())


def test_a_deletion_takes_the_entries_of_an_open_claim_and_its_end_follows() -> None:
    async def main() -> None:
        world = small()
        world.append(times=2)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            claim = await one(claims)
            world.delete(bus=instance.bus)
            await claims.release([claim.id])
            assert (await one(claims)).end == LogEnd(claim.epoch)

    run(main())


def test_the_lag_is_known_and_ends_at_an_instance_at_which_nobody_claims() -> None:
    async def main() -> None:
        world = small()
        async with world.started() as here, world.started() as there:
            claims = await here.consumers.claims(Worker())
            await there.consumers.claims(Worker())
            for number in range(150):
                world.append(f"room-{number}", bus=here.bus)
            await asyncio.sleep(60)
            for instance in (here, there):
                state = instance.consumers.state("worker")
                assert state is not None
                assert state.queued == 150
                assert state.lag >= 55
            while given := await claims.claim(maximum=50, wait=1):
                await claims.ack([claim.id for claim in given])
            await asyncio.sleep(25)
            for instance in (here, there):
                state = instance.consumers.state("worker")
                assert state is not None
                assert (state.queued, state.lag) == (0, 0)

    run(main())


class Choosy(Worker):
    def __init__(self) -> None:
        self.name = "worker"
        self.chosen = {3, 5, 170}

    def wants(self, conversation: str) -> bool:
        return conversation != "other"

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        return [entry for entry in entries if entry.seq in self.chosen]


def test_what_a_filter_leaves_out_is_passed_over_without_a_claim() -> None:
    async def main() -> None:
        world = small()
        world.append("room", times=160)
        world.append("other", times=3)
        world.append("none", times=2)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Choosy())
            [claim] = await claims.claim(maximum=5, wait=5)
            assert seqs(claim) == [3, 5]
            await claims.ack([claim.id])
            assert await claims.claim(wait=5) == []
            cursor = world.cursor("room", "worker")
            assert cursor is not None
            assert cursor["seq"] >= 100
            writes = world.store.writes
            for _ in range(9):
                world.append("room", bus=instance.bus)
                assert await claims.claim(wait=0.5) == []
            assert world.store.writes - writes <= 2
            world.append("room", bus=instance.bus)
            assert seqs(await one(claims)) == [170]

    run(main())


def test_there_are_bounds_of_open_claims_and_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_records, "OPEN_CLAIMS", 3)

    async def main() -> None:
        world = small()
        for number in range(6):
            world.append(f"room-{number}", times=150)
        async with world.started() as here, world.started() as there:
            claims, others = await here.consumers.claims(Worker()), await there.consumers.claims(Worker())
            given = await claims.claim(maximum=10_000, entries=10_000, lease=float("inf"), wait=5)
            assert [len(claim.entries) for claim in given] == [100, 100, 100]
            for more in (claims, others):
                with pytest.raises(TooManyRequests) as refused:
                    await more.claim()
                assert refused.value.code == "too_many_claims"
            await others.ack([given[0].id])
            await asyncio.sleep(1.1)
            assert len(await claims.claim(maximum=5, wait=15)) == 1

    run(main())


def test_what_failed_too_often_waits_while_there_is_no_place_among_the_dead_letters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        world = small(tries=1)
        world.limits = msgspec.structs.replace(world.limits, dead_letters=1)
        world.append(times=3)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            for reason in ("first", "second"):
                await claims.release([(await one(claims, entries=1)).id], failed=reason)
            [letter] = await instance.consumers.dead_letters("worker")
            assert (letter.seq, letter.reason) == (1, "first")
            assert await claims.claim(wait=100) == []
            state = instance.consumers.state("worker")
            assert state is not None
            assert state.blocked
            await instance.consumers.drop("worker")
            assert seqs(await one(claims, wait=100)) == [3]
            [letter] = await instance.consumers.dead_letters("worker")
            assert (letter.seq, letter.reason) == (2, "second")

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_a_failure_that_is_reported_late_buries_nothing() -> None:
    async def main() -> None:
        world = small(tries=1)
        world.append()
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            late = await one(claims, lease=2)
            await asyncio.sleep(3)
            with pytest.raises(ClaimExpired):
                await claims.release([late.id], failed="too late")
            assert await instance.consumers.dead_letters("worker") == []

    run(main())


def test_open_claims_are_counted_whoever_gave_them() -> None:
    async def main() -> None:
        world = small()
        for number in range(5):
            world.append(f"room-{number}")
        async with world.started() as here, world.started() as there:
            claims, others = await here.consumers.claims(Worker()), await there.consumers.claims(Worker())
            assert await claims.open() == 0
            given = await claims.claim(maximum=2, wait=5) + await others.claim(maximum=3, lease=2, wait=5)
            assert (await claims.open(), await others.open()) == (5, 5)
            await others.ack([given[0].id])
            assert (await claims.open(), await others.open()) == (4, 4)
            await asyncio.sleep(3)
            assert (await claims.open(), await others.open()) == (1, 1)

    run(main())


def test_a_caller_that_leaves_gives_back_what_it_was_about_to_be_given() -> None:
    async def main() -> None:
        world = small()
        for number in range(5):
            world.append(f"room-{number}")
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            await asyncio.sleep(1)
            for milliseconds in range(12):
                leaving = asyncio.create_task(claims.claim(maximum=5, lease=300))
                await asyncio.sleep(milliseconds / 1000)
                leaving.cancel()
                [outcome] = await asyncio.gather(leaving, return_exceptions=True)
                if not isinstance(outcome, BaseException):
                    await claims.release([claim.id for claim in outcome])
            await asyncio.sleep(1)
            given = await claims.claim(maximum=5, wait=1)
            assert len(given) == 5
            assert all(claim.tries == 0 for claim in given)

    run(main())


def test_an_outage_is_an_error_for_the_caller_and_costs_no_entry() -> None:
    async def main() -> None:
        world = small()
        world.append(times=3)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            await asyncio.sleep(1)
            world.history.failure = HistoryUnavailable("down")
            with pytest.raises(HistoryUnavailable):
                await claims.claim(wait=1)
            world.history.failure = None
            claim = await one(claims, wait=60)
            assert seqs(claim) == [1, 2, 3]
            world.store.failure = HistoryUnavailable("down")
            with pytest.raises(HistoryUnavailable):
                await claims.ack([claim.id])
            world.store.failure = None
            await claims.ack([claim.id])

    run(main())


def test_a_consumer_of_claims_is_stopped_and_forgotten_like_any_other() -> None:
    async def main() -> None:
        world = small()
        world.append(times=3)
        async with world.started() as instance:
            claims = await instance.consumers.claims(Worker())
            claim = await one(claims, lease=1000)
            waiting = asyncio.create_task(claims.claim(wait=100))
            await asyncio.sleep(1)
            await instance.consumers.stop("worker")
            assert await waiting == []
            await claims.ack([claim.id])  # it stays valid
            claims = await instance.consumers.claims(Worker())
            assert await claims.claim(wait=15) == []
            world.append(bus=instance.bus)
            claim = await one(claims)
            await instance.consumers.forget("worker")
            with pytest.raises(ClaimExpired):
                await claims.ack([claim.id])
            assert not any("worker" in namespace for namespace, _ in world.store.records)

    run(main())
