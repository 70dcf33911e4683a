"""What a reader may rely on, case by case."""

from __future__ import annotations

import asyncio
import logging

import pytest
from umbral_chat.errors import ConversationDeleted, CursorExpired, HistoryUnavailable, Unavailable
from umbral_chat.model.conversations import Deleted
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.settings import Cache

from .rig import DOWN, Client, Rig, service
from .virtual import run, settle


def seqs(batch: object) -> list[int]:
    return [entry.seq for entry in batch.entries]  # type: ignore[attr-defined]


def test_a_log_that_was_never_made_reads_as_empty_and_can_be_waited_on() -> None:
    async def main() -> None:
        async with service() as rig:
            batch = await rig.feeds.read("room", START, 10)
            assert (batch.entries, batch.cursor, batch.head, batch.has_more) == ([], START, 0, False)
            async with rig.feeds.reading("room") as reader:
                waiting = asyncio.create_task(reader.wait(START, None, 50))
                await settle()
                assert not waiting.done()
                rig.say("the first")
                await asyncio.wait_for(waiting, 1)
            assert seqs(await rig.feeds.read("room", START, 10)) == [1]

    run(main())


def test_entries_that_are_hinted_in_order_cost_no_read() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            cursor = (await rig.feeds.read("room", START, 10)).cursor
            before = rig.reads
            for _ in range(50):
                rig.say()
                batch = await rig.feeds.read("room", cursor, 10)
                assert seqs(batch) == [cursor.seq + 1]
                cursor = batch.cursor
            assert rig.reads == before

    run(main())


def test_a_gap_is_read_once_for_all_who_wait_for_it() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            clients = [Client(rig) for _ in range(20)]
            following = [asyncio.create_task(client.follow()) for client in clients]
            await asyncio.sleep(1)
            before = rig.reads
            rig.say(hinted=False)
            rig.say(hinted=False)
            rig.say()
            await asyncio.sleep(1)
            assert [client.seqs for client in clients] == [[1, 2, 3, 4]] * 20
            assert rig.reads == before + 1
            await end(*following)

    run(main())


def test_those_who_come_anew_to_a_log_that_nobody_writes_to_cost_no_reads_in_the_end() -> None:
    async def main() -> None:
        async with service(cache=Cache(entries=20)) as rig:
            for _ in range(15):
                rig.log.say()
            # Page by page, the newest first, since what is kept ends at the head.
            for reads in (4, 6, 7, 7, 7):
                newcomer = Client(rig, limit=6)
                await newcomer.read_all()
                assert newcomer.seqs == list(range(1, 16))
                assert rig.reads == reads

    run(main())


def test_who_fell_behind_what_is_kept_reads_the_log_from_where_it_stands_in_one_query_with_others() -> None:
    async def main() -> None:
        async with service(cache=Cache(entries=5)) as rig:
            cursor = (await rig.feeds.read("room", START, 10)).cursor
            for _ in range(40):
                rig.say()
            await rig.feeds.read("room", START, 1)
            before = rig.reads
            batches = await asyncio.gather(*[rig.feeds.read("room", cursor, 10) for _ in range(20)])
            assert all(seqs(batch) == list(range(1, 11)) and batch.has_more for batch in batches)
            assert rig.reads == before + 1

    run(main())


def test_a_cursor_of_another_epoch_or_past_the_head_is_answered_with_its_name() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            batch = await rig.feeds.read("room", START, 10)
            for wrong in (Cursor("aaaaaaaaaa", 1), Cursor(batch.epoch, 2)):
                with pytest.raises(CursorExpired):
                    await rig.feeds.read("room", wrong, 10)
            with pytest.raises(CursorExpired):
                await rig.feeds.read("never-made", Cursor("aaaaaaaaaa", 0), 10)

    run(main())


def test_a_cursor_that_another_instance_gave_is_asked_for_before_it_is_called_wrong() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            await rig.feeds.read("room", START, 10)
            for _ in range(4):
                rig.say(hinted=False)
            batch = await rig.feeds.read("room", Cursor(rig.log.epoch, 4), 10)
            assert seqs(batch) == [5]

    run(main())


def test_the_beginning_is_never_an_expired_cursor_even_when_the_log_is_made_anew_while_it_is_read() -> None:
    async def main() -> None:
        async with service(cache=Cache(entries=2)) as rig:
            for _ in range(9):
                rig.say()
            await rig.feeds.read("room", START, 1)
            gate = asyncio.Event()
            rig.history.gates.append(gate)
            rig.history.delay = lambda: 0.1
            reading = asyncio.create_task(rig.feeds.read("room", START, 3))
            await settle()
            rig.history.logs["room"] = None
            rig.log.say("of the new log")
            gate.set()
            batch = await reading
            assert (batch.epoch, seqs(batch)) == (rig.log.epoch, [1])

    run(main())


def test_a_view_made_anew_does_not_take_its_truth_from_a_read_of_before() -> None:
    async def main() -> None:
        async with service(cache=Cache(conversations=1)) as rig:
            for _ in range(9):
                rig.say()
            await rig.feeds.read("room", START, 1)
            cursor = Cursor(rig.log.epoch, 7)
            gate = asyncio.Event()
            rig.history.gates.append(gate)
            slow = asyncio.create_task(rig.feeds.read("room", cursor, 9))  # takes its snapshot, and hangs
            await settle()
            await rig.feeds.read("other", START, 9)  # which lets the view of the room go
            rig.say("acknowledged, and hinted to nobody")
            reading = asyncio.create_task(rig.feeds.read("room", cursor, 9))
            await settle()
            gate.set()
            assert seqs(await reading) == [8, 9, 10]
            await slow

    run(main())


def test_a_deletion_reaches_who_waits_and_who_polls_and_a_revival_begins_anew() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            client = Client(rig)
            following = asyncio.create_task(client.follow())
            await asyncio.sleep(1)
            rig.history.logs["room"] = None
            rig.feeds.hint_head("room", Deleted())
            await asyncio.sleep(0.1)
            assert client.gone
            with pytest.raises(ConversationDeleted):
                await rig.feeds.read("room", START, 10)
            assert rig.feeds.peek("room") is None, "an ETag of before would be answered with 304"
            rig.say("anew")
            await asyncio.sleep(3)
            assert (client.gone, client.seqs, client.cursor.epoch) == (False, [1], rig.log.epoch)
            await end(following)

    run(main())


def test_nobody_is_sent_away_for_good_by_what_memory_says_alone() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            await rig.feeds.read("room", START, 10)
            rig.history.logs["room"] = None
            rig.hint_head()
            for _ in range(2):
                with pytest.raises(ConversationDeleted):
                    await rig.feeds.read("room", START, 10)
            rig.say("made anew elsewhere, and no hint came yet", hinted=False)
            for cursor in (START, Cursor(rig.log.epoch, 0)):
                assert seqs(await rig.feeds.read("room", cursor, 10)) == [1]

    run(main())


def test_late_hints_of_an_old_epoch_change_nothing() -> None:
    async def main() -> None:
        async with service() as rig:
            old = rig.log
            entry = rig.say("old")
            await rig.feeds.read("room", START, 10)
            rig.history.logs["room"] = None
            rig.say("new")
            assert (await rig.feeds.read("room", START, 10)).epoch == rig.log.epoch
            rig.hint(entry, epoch=old.epoch)
            rig.feeds.hint_head("room", old.head)
            batch = await rig.feeds.read("room", START, 10)
            assert (batch.epoch, seqs(batch)) == (rig.log.epoch, [1])
            assert b"new" in batch.entries[0].json

    run(main())


def test_what_was_redacted_is_blank_for_every_later_reader() -> None:
    async def main() -> None:
        async with service() as rig:
            message = rig.log.say("secret")
            rig.hint(message)
            assert b"secret" in (await rig.feeds.read("room", START, 10)).entries[0].json
            redaction = rig.log.redact(message)
            rig.hint(redaction)
            batch = await rig.feeds.read("room", START, 10)
            assert seqs(batch) == [1, 2]
            assert b"secret" not in batch.entries[0].json

    run(main())


def test_a_page_read_before_a_redaction_is_not_served_after_it() -> None:
    async def main() -> None:
        async with service(cache=Cache(entries=2)) as rig:
            message = rig.log.say("secret")
            for _ in range(5):
                rig.say()
            await rig.feeds.read("room", START, 1)
            gate = asyncio.Event()
            rig.history.gates.append(gate)
            slow = asyncio.create_task(rig.feeds.read("room", START, 3))  # its page has the text, and hangs
            await settle()
            rig.hint(rig.log.redact(message))
            joining = asyncio.create_task(rig.feeds.read("room", START, 3))
            await settle()
            gate.set()
            for batch in await asyncio.gather(slow, joining):
                assert b"secret" not in batch.entries[0].json

    run(main())


@pytest.mark.parametrize("how", ["entry", "head"])
def test_memory_shows_nothing_that_a_hint_said_is_redacted_though_the_history_is_down(how: str) -> None:
    async def main() -> None:
        async with service() as rig:
            message = rig.log.say("secret")
            await rig.feeds.read("room", START, 10)
            rig.say(hinted=False)
            redaction = rig.log.redact(message)
            rig.history.failure = DOWN
            if how == "entry":
                rig.hint(redaction)
            else:
                rig.hint_head()
            with pytest.raises(HistoryUnavailable):
                await rig.feeds.read("room", START, 10)
            rig.history.failure = None
            assert b"secret" not in (await rig.feeds.read("room", START, 10)).entries[0].json

    run(main())


def test_memory_shows_nothing_of_a_deleted_conversation_though_the_history_is_down() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say("secret")
            await rig.feeds.read("room", START, 10)
            rig.history.failure = DOWN
            rig.feeds.hint_head("room", Deleted())
            with pytest.raises(HistoryUnavailable):
                await rig.feeds.read("room", START, 10)

    run(main())


def test_the_epoch_is_asked_once_and_told_as_the_log_becomes_another() -> None:
    async def main() -> None:
        async with service() as rig:
            assert await rig.feeds.epoch("unmade") is None
            rig.say(hinted=False)
            epoch = await rig.feeds.epoch("room")
            assert epoch == rig.log.epoch
            before = rig.reads
            rig.say()
            assert await rig.feeds.epoch("room") == epoch
            assert rig.reads == before, "what is followed costs no read"
            rig.history.failure = DOWN
            rig.health.failed("an append found it down")
            assert await rig.feeds.epoch("room") == epoch, "an outage makes nobody forget it"
            with pytest.raises(HistoryUnavailable):
                await rig.feeds.epoch("other")
            rig.history.logs["room"] = None
            rig.hint_head()
            with pytest.raises(HistoryUnavailable):
                await rig.feeds.epoch("room")
            rig.history.failure = None
            with pytest.raises(ConversationDeleted):
                await rig.feeds.epoch("room")
            del rig.history.logs["room"]
            assert await rig.feeds.epoch("room") is None, "a deletion is not told from memory alone"

    run(main())


def test_while_the_history_is_down_memory_answers_where_it_is_contiguous_and_says_since_when() -> None:
    async def main() -> None:
        async with service(cache=Cache(entries=3)) as rig:
            for _ in range(5):
                rig.say()
            batch = await rig.feeds.read("room", START, 10)
            assert batch.stale_since is None
            rig.history.failure = DOWN
            with pytest.raises(HistoryUnavailable):
                await rig.feeds.read("room", START, 10)  # it is not in memory, and tells that the history is down
            down = rig.health.since
            await asyncio.sleep(3)
            stale = await rig.feeds.read("room", Cursor(batch.epoch, 3), 10)
            assert (seqs(stale), stale.stale_since) == ([4, 5], down)
            assert rig.feeds.peek("room") is None, "stale is never answered with 304"
            for cursor in (Cursor(batch.epoch, 6), Cursor("aaaaaaaaaa", 3), Cursor(batch.epoch, 1)):
                with pytest.raises(HistoryUnavailable):
                    await rig.feeds.read("room", cursor, 10)
            with pytest.raises(HistoryUnavailable):
                await rig.feeds.read("not-in-memory", START, 10)
            rig.history.failure = None
            assert (await rig.feeds.read("room", Cursor(batch.epoch, 3), 10)).stale_since is None
            assert rig.health.since is None

    run(main())


def test_who_waits_through_an_outage_gets_what_came_in_it_and_nobody_reads_in_a_circle() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            clients = [Client(rig) for _ in range(10)]
            following = [asyncio.create_task(client.follow()) for client in clients]
            await asyncio.sleep(1)
            rig.history.failure = DOWN
            rig.say(hinted=False)
            rig.say()
            before = rig.reads
            await asyncio.sleep(60)
            assert rig.reads - before < 60, "too many tries against a history that is down"
            rig.history.failure = None
            await asyncio.sleep(6)
            assert [client.seqs for client in clients] == [[1, 2, 3]] * 10
            await end(*following)

    run(main())


def test_a_poll_that_fails_leaves_those_who_wait_with_somebody_who_tries_again() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            client = Client(rig)
            following = asyncio.create_task(client.follow())
            await asyncio.sleep(1)
            rig.say(hinted=False)  # its hint is lost, and with nobody's doubt it would not be found
            rig.history.failure = DOWN
            rig.health.failed("an append found it down")
            await rig.feeds.read("room", Cursor(rig.log.epoch, 1), 10)
            rig.history.failure = None
            await asyncio.sleep(6)
            assert client.seqs == [1, 2]
            await end(following)

    run(main())


def test_a_history_that_fails_in_an_unknown_way_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            client = Client(rig)
            following = asyncio.create_task(client.follow())
            await asyncio.sleep(1)
            rig.history.failure = RuntimeError("a bug of its own")
            rig.say(hinted=False)
            rig.say()
            await asyncio.sleep(10)
            rig.history.failure = None
            await asyncio.sleep(6)
            assert client.seqs == [1, 2, 3]
            await end(following)

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_an_outage_is_one_line_in_the_log_however_many_ask(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with service() as rig:
            rig.history.failure = DOWN
            for number in range(50):
                with pytest.raises(HistoryUnavailable):
                    await rig.feeds.read(f"room-{number}", START, 10)
            rig.history.failure = None
            await rig.feeds.read("room", START, 10)

    run(main())
    told = [record.levelname for record in caplog.records if record.name.startswith("umbral_chat")]
    assert told == ["WARNING", "WARNING"]


def test_a_refusal_of_the_history_is_an_answer() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.health.failed("it was")
            rig.history.logs["room"] = None
            with pytest.raises(ConversationDeleted):
                await rig.feeds.read("room", START, 10)
            assert rig.health.since is None

    run(main())


def test_a_reader_who_leaves_takes_nothing_from_those_who_share_its_read() -> None:
    async def main() -> None:
        async with service(cache=Cache(entries=2)) as rig:
            for _ in range(9):
                rig.say()
            for warm in (False, True):
                if warm:
                    await rig.feeds.read("room", START, 1)
                rig.history.delay = lambda: 0.1
                readers = [asyncio.create_task(rig.feeds.read("room", START, 5)) for _ in range(3)]
                await settle()
                readers[0].cancel()
                await asyncio.sleep(1)
                assert readers[0].cancelled()
                assert [seqs(reader.result()) for reader in readers[1:]] == [[1, 2, 3, 4, 5]] * 2

    run(main())


def test_what_is_acknowledged_before_a_poll_is_in_its_answer_though_a_read_is_under_way() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say(hinted=False)
            gate = asyncio.Event()
            rig.history.gates.append(gate)
            first = asyncio.create_task(rig.feeds.read("room", START, 10))  # its snapshot has one entry
            await settle()
            rig.say()
            second = asyncio.create_task(rig.feeds.read("room", START, 10))
            await settle()
            gate.set()
            assert seqs(await second) == [1, 2]
            await first

    run(main())


def test_what_was_hinted_before_a_poll_is_in_its_answer_though_the_read_of_an_older_gap_is_under_way() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            cursor = (await rig.feeds.read("room", START, 10)).cursor
            rig.say(hinted=False)
            rig.say()
            gate = asyncio.Event()
            rig.history.gates.append(gate)
            first = asyncio.create_task(rig.feeds.read("room", cursor, 10))  # its snapshot has three entries
            await settle()
            rig.say(hinted=False)
            rig.say()
            second = asyncio.create_task(rig.feeds.read("room", cursor, 10))
            await settle()
            gate.set()
            assert seqs(await second) == [2, 3, 4, 5]
            await first

    run(main())


def test_a_poll_of_a_log_that_never_rests_is_answered_all_the_same() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            await rig.feeds.read("room", START, 10)
            rig.history.delay = lambda: 0.05

            async def churn() -> None:
                while True:  # each read finds the next gap open when it comes back
                    rig.say(hinted=False)
                    rig.say()
                    await asyncio.sleep(0.04)

            churning = asyncio.create_task(churn())
            await asyncio.sleep(0.1)
            batch = await asyncio.wait_for(rig.feeds.read("room", START, 10), 1)
            assert seqs(batch) == list(range(1, len(batch.entries) + 1))
            await end(churning)

    run(main())


def test_draining_wakes_everybody() -> None:
    async def main() -> None:
        async with service() as rig:
            clients = [Client(rig, conversation=f"room-{number % 5}") for number in range(20)]
            following = [asyncio.create_task(client.follow()) for client in clients]
            await asyncio.sleep(1)
            rig.lifecycle.drain()
            await asyncio.wait_for(asyncio.gather(*following), 0.1)

    run(main())


def test_readers_are_bounded_and_who_leaves_makes_room() -> None:
    async def main() -> None:
        async with service(readers=2) as rig:
            async with rig.feeds.reading("a"), rig.feeds.reading("b"):
                with pytest.raises(Unavailable) as refused:
                    async with rig.feeds.reading("c"):
                        pass
                assert refused.value.code == "too_many_readers"
            async with rig.feeds.reading("c"):
                pass

    run(main())


def test_a_wait_ends_in_time_and_at_once_when_there_is_news_already() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            cursor = (await rig.feeds.read("room", START, 10)).cursor
            async with rig.feeds.reading("room") as reader:
                began = rig.clock.monotonic()
                await reader.wait(cursor, reader.view.version, 7)
                assert rig.clock.monotonic() - began == pytest.approx(7)
                began, version = rig.clock.monotonic(), reader.view.version
                rig.feeds.touch_signals("room")
                await reader.wait(cursor, version, 7)
                await reader.wait(START, None, 7)
                assert rig.clock.monotonic() == began

    run(main())


def test_what_nobody_reads_is_let_go_after_its_time_and_what_is_in_use_stays() -> None:
    async def main() -> None:
        async with service(cache=Cache(ttl=60)) as rig:
            rig.say()
            async with rig.feeds.reading("waited-on"):
                await rig.feeds.read("room", START, 10)
                await rig.feeds.read("left", START, 10)
                for _ in range(30):
                    await asyncio.sleep(5)
                    assert rig.feeds.peek("room") is not None
                assert set(rig.subscriptions) == {"waited-on", "room"}
            await asyncio.sleep(100)
            assert set(rig.subscriptions) == set()

    run(main())


def test_past_the_bound_the_longest_unread_goes_first_and_nothing_that_is_waited_on() -> None:
    async def main() -> None:
        async with service(cache=Cache(conversations=3)) as rig, rig.feeds.reading("waited-on"):
            for name in ("a", "b"):
                await rig.feeds.read(name, START, 10)
            assert rig.feeds.peek("a") is not None
            await rig.feeds.read("c", START, 10)
            assert set(rig.subscriptions) == {"waited-on", "a", "c"}

    run(main())


def test_closing_leaves_no_task_whatever_is_under_way() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            gates = [asyncio.Event() for _ in range(3)]
            clients = [Client(rig) for _ in range(3)]
            following = [asyncio.create_task(client.follow()) for client in clients]
            await asyncio.sleep(1)
            rig.history.gates = gates
            rig.say(hinted=False)
            rig.say()
            await settle()
            assert rig.history.running
            await end(*following)

    run(main())  # which fails when a task is left


async def end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError), outcome


def test_the_settler_counts_what_it_fills() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            await rig.feeds.read("room", START, 10)
            rig.say(hinted=False)
            rig.say()
            await rig.feeds.read("room", START, 10)
            assert _totals(rig)["umbral_chat.gaps.filled"] == 1

    run(main())


def _totals(rig: Rig) -> dict[str, int]:
    return rig.telemetry.totals()
