"""The hub: each subscriber gets the log from its cursor, in order and once, whatever its client and the store do."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from umbral_chat.errors import ConversationDeleted, CursorExpired, Forbidden, TooManyRequests, Unauthorized, Unavailable
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.auth import Principal
from umbral_chat_streaming.hub import Subscription
from umbral_chat_streaming.settings import Streaming

from core.tests.feed.rig import DOWN
from core.tests.feed.virtual import run, settle

from .rig import Client, HubRig, Lines, instance

VISITOR = Principal(kind="token", subject="ada", rights=frozenset({"read"}), conversation="room")


def test_what_is_missing_comes_first_and_then_what_is_new() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            for number in range(5):
                rig.say(f"old {number}")
            client, _ = await rig.stream(rig.at(2))
            await settle()
            assert client.statuses == [{"state": "open", "mode": "polling", "cursor": str(rig.at(2)), "head": 5}]
            assert client.seqs == [3, 4, 5]  # at once, from memory
            rig.say("new")
            await settle()
            assert client.seqs == [3, 4, 5, 6]
            assert "status" in client.events[0]

    run(scenario())


def test_one_frame_is_encoded_for_all_and_takes_no_task() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            clients = [(await rig.stream())[0] for _ in range(20)]
            await asyncio.sleep(1.5)
            tasks = len(asyncio.all_tasks())
            rig.say("two")
            rig.say("three")
            await settle()
            newest = {id(client.frames[-1]) for client in clients}
            assert len(newest) == 1  # the very same bytes
            assert all(client.seqs == [1, 2, 3] for client in clients)
            assert all(len(client.frames) == 3 for client in clients)  # both entries in one frame
            assert len(asyncio.all_tasks()) <= tasks

    run(scenario())


def test_entries_are_gathered_for_five_milliseconds_at_most_and_not_after_a_pause() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            client, _ = await rig.stream()
            await asyncio.sleep(1)
            before = asyncio.get_running_loop().time()
            rig.say("two")
            await settle(3)
            assert client.seqs == [1, 2]
            assert asyncio.get_running_loop().time() == before  # nothing was waited for
            rig.say("three")
            await settle()
            assert client.seqs == [1, 2]
            await asyncio.sleep(0.0051)
            assert client.seqs == [1, 2, 3]

    run(scenario())


def test_a_slow_client_costs_one_frame_and_goes_on_from_its_cursor() -> None:
    async def scenario() -> None:
        async with instance(keep=10) as rig:
            rig.say("one")
            fast, _ = await rig.stream()
            slow, _ = await rig.stream()
            slow.room = 1
            for number in range(50):  # more than memory keeps
                rig.say(str(number))
                await asyncio.sleep(0.01)
            assert fast.seqs == list(range(1, 52))
            assert slow.seqs == [1, 2]
            assert rig.hub._counters.suspended == 1
            assert rig.hub._counters.unsent > 0
            slow.read()
            await asyncio.sleep(0.1)
            assert slow.seqs == fast.seqs
            assert rig.hub._counters.suspended == 0
            assert rig.hub._counters.unsent == 0
            rig.say("again")
            await settle()
            await asyncio.sleep(0.01)
            assert slow.frames[-1] is fast.frames[-1]  # it is one of those that keep up again

    run(scenario())


def test_a_client_that_reads_nothing_or_left_ends_alone() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            fast, _ = await rig.stream()
            stuck, _ = await rig.stream(room=1)
            left, _ = await rig.stream(room=1)
            stuck.leave(TimeoutError())
            left.leave(ConnectionResetError())
            await settle()
            assert stuck.closed is not None
            assert (stuck.closed.code, stuck.closed.reconnect) == ("slow_consumer", "now")
            assert left.closed is None  # there is nobody to tell
            assert len(rig.hub) == 1
            rig.say("two")
            await settle()
            assert fast.seqs == [1, 2]

    run(scenario())


def test_bytes_unsent_are_bounded_in_all() -> None:
    async def scenario() -> None:
        async with instance(Streaming(unsent_bytes=150_000)) as rig:
            clients = [(await rig.stream())[0] for _ in range(4)]
            for client in clients:
                client.room = 1
            rig.say("one")
            await settle()
            assert sorted(client.closed.code if client.closed else "" for client in clients) == [
                "",
                "",
                "slow_consumer",
                "slow_consumer",
            ]

    run(scenario())


def test_a_gap_is_read_once_for_all_who_keep_up() -> None:
    async def scenario() -> None:
        async with instance(keep=5) as rig:
            rig.say("one")
            clients = [(await rig.stream())[0] for _ in range(10)]
            await asyncio.sleep(1)
            reads = rig.reads
            for number in range(30):
                rig.say(str(number), hinted=False)
            rig.hint_head()
            await asyncio.sleep(1)
            assert all(client.seqs == list(range(1, 32)) for client in clients)
            assert rig.reads - reads <= 10

    run(scenario())


def test_the_history_may_be_down_for_a_while() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            client, _ = await rig.stream()
            rig.history.failure = DOWN
            rig.log.say("unseen")
            rig.hint_head()
            await asyncio.sleep(20)
            assert client.closed is None
            assert client.statuses[-1]["stale_since"]
            assert client.events[-1] == {"beat": True}
            with pytest.raises(Unavailable):
                await rig.open(conversation="another")
            rig.history.failure = None
            await asyncio.sleep(10)
            assert client.seqs == [1, 2]
            assert "stale_since" not in client.statuses[-1]

    run(scenario())


def test_a_conversation_is_waited_on_before_it_exists() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            client, _ = await rig.stream()
            bound, _ = await rig.stream()
            assert client.statuses[0]["cursor"] == "0"
            await asyncio.sleep(1)
            rig.say("one")
            await asyncio.sleep(1)
            assert client.seqs == bound.seqs == [1]

    run(scenario())


def test_a_deleted_conversation_ends_its_streams_and_a_wrong_cursor_opens_none() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            with pytest.raises(CursorExpired):
                await rig.open(Cursor("b" * 10, 1))
            with pytest.raises(CursorExpired):
                await rig.open(rig.at(2))
            client, _ = await rig.stream()
            slow, _ = await rig.stream(room=1)
            rig.history.logs["room"] = None
            rig.hint_head()
            await asyncio.sleep(1)
            assert client.closed is not None
            assert (client.closed.code, client.closed.reconnect) == ("conversation_deleted", "never")
            slow.read()
            await asyncio.sleep(1)
            assert slow.closed is not None
            assert slow.closed.code == "conversation_deleted"
            with pytest.raises(ConversationDeleted):
                await rig.open()

    run(scenario())


def test_a_log_that_was_made_anew_expires_the_cursors_of_the_one_before() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            client, _ = await rig.stream()
            bound, _ = await rig.stream(
                principal=Principal(kind="token", subject="x", rights=frozenset({"read"}), epoch=rig.log.epoch)
            )
            rig.history.logs["room"] = None
            rig.history.log().say("another")
            rig.hint_head()
            await asyncio.sleep(1)
            assert client.closed is not None
            assert client.closed.code == "cursor_expired"
            assert bound.closed is not None
            assert bound.closed.reconnect == "never"

    run(scenario())


def test_drafts_come_as_pieces_rolled_up_and_whole_to_who_joins() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            client, _ = await rig.stream()
            await asyncio.sleep(1)
            text = ""
            for number in range(100):
                piece = f"{number} "
                rig.draft(piece, offset=len(text))
                text += piece
                await asyncio.sleep(0.01)
            late, _ = await rig.stream()
            await asyncio.sleep(0.1)
            assert client.drafts == late.drafts == {"answer": text}
            pieces = [signal for signal in client.signals if signal["signal"] == "draft"]
            assert 20 <= len(pieces) <= 28  # 1 s of pieces, 40 ms each
            assert sum(len(piece["text"]) for piece in pieces) == len(text)
            rig.draft("Anew", offset=0)
            await asyncio.sleep(0.1)
            assert client.drafts == late.drafts == {"answer": "Anew"}
            rig.writing.end("room", "answer")
            await asyncio.sleep(0.1)
            assert client.drafts == late.drafts == {}

    run(scenario())


def test_a_draft_ends_in_the_frame_of_its_entry() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            client, _ = await rig.stream()
            await asyncio.sleep(1)
            rig.draft("so far", message_id="m2")
            await settle()
            assert client.drafts == {"m2": "so far"}
            rig.draft(" and on", offset=6, message_id="m2")  # waits for the roll-up
            rig.writing.end("room", "m2")
            rig.say("so far and on")
            await settle()
            ended, entry = client.frames[-1].splitlines()
            assert b'"ended":true' in ended
            assert b'"seq":2' in entry

    run(scenario())


def test_who_fell_behind_gets_what_it_missed_of_the_drafts() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            slow, _ = await rig.stream()
            rig.draft("a", message_id="x")
            rig.draft("b", message_id="y")
            await asyncio.sleep(0.1)
            slow.room = 1
            rig.draft("c", offset=1, message_id="y")
            await asyncio.sleep(0.1)
            rig.writing.end("room", "x")
            rig.draft("cd", offset=1, message_id="y")
            await asyncio.sleep(0.1)
            slow.read()
            await asyncio.sleep(0.1)
            assert slow.drafts == {"y": "bcd"}

    run(scenario())


def test_heartbeats_come_after_silence_only() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.say("one")
            client, _ = await rig.stream()
            await asyncio.sleep(14)
            rig.say("two")
            await asyncio.sleep(14)
            assert {"beat": True} not in client.events
            await asyncio.sleep(3)
            assert client.events.count({"beat": True}) == 1
            await asyncio.sleep(60)
            assert client.events.count({"beat": True}) in {4, 5}

    run(scenario())


def test_the_mode_is_told_when_it_changes() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            client, _ = await rig.stream()
            rig.delivery.mode = "live"
            rig.feeds.touch_all_signals()
            await asyncio.sleep(1)
            assert [status["mode"] for status in client.statuses] == ["polling", "live"]

    run(scenario())


@pytest.mark.parametrize(
    ("error", "code", "reconnect"),
    [
        (Forbidden("no member any more"), "forbidden", "never"),
        (Unauthorized("signed out"), "unauthorized", "renew"),
        (Unauthorized("over", code="token_expired"), "token_expired", "renew"),
    ],
)
def test_who_may_not_read_any_more_is_ended_within_the_interval(error: Exception, code: str, reconnect: str) -> None:
    async def scenario() -> None:
        async with instance() as rig:
            client, _ = await rig.stream()
            await asyncio.sleep(6)
            assert client.closed is None
            rig.access.error = Unavailable("the store is down")
            await asyncio.sleep(6)
            assert client.closed is None
            rig.access.error = error
            await asyncio.sleep(5.1)
            assert client.closed is not None
            assert (client.closed.code, client.closed.reconnect) == (code, reconnect)

    run(scenario())


def test_a_stream_ends_with_its_token_and_with_the_lifetime_of_a_connection() -> None:
    async def scenario() -> None:
        async with instance(Streaming(connection_lifetime=110)) as rig:
            expires = rig.clock.now().timestamp() + 30
            token = Principal(kind="token", subject="ada", rights=frozenset({"read"}), expires_at=expires)
            short, _ = await rig.stream(principal=token)
            long, _ = await rig.stream()
            await asyncio.sleep(29)
            assert short.closed is None
            await asyncio.sleep(2)
            assert short.closed is not None
            assert (short.closed.code, short.closed.reconnect) == ("token_expired", "renew")
            await asyncio.sleep(58)
            assert long.closed is None
            await asyncio.sleep(24)
            assert long.closed is not None
            assert (long.closed.code, long.closed.reconnect) == ("rebalance", "now")

    run(scenario())


def test_a_drain_spreads_its_clients_and_a_switch_sends_them_to_polling() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            client, _ = await rig.stream()
            rig.toggle.switch(enabled=False)
            assert client.closed is not None
            assert (client.closed.code, client.closed.reconnect) == ("realtime_off", "poll")
            rig.toggle.switch(enabled=True)
            clients = [(await rig.stream())[0] for _ in range(50)]
            rig.lifecycle.drain()
            retries = [client.closed.retry_ms or 0 for client in clients if client.closed]
            assert len(retries) == 50
            assert max(retries) > 4000
            assert min(retries) < 1000
            with pytest.raises(Unavailable) as stopping:
                await rig.open()
            assert stopping.value.code == "draining"

    run(scenario())


def test_streams_are_counted_as_readers() -> None:
    async def scenario() -> None:
        async with instance() as rig:
            rig.feeds.readers._own_limit = 2
            _, first = await rig.stream(principal=VISITOR)
            opening = await rig.open(principal=VISITOR)
            with pytest.raises(TooManyRequests) as refused:
                await rig.open(principal=VISITOR)
            assert refused.value.code == "too_many_own_readers"
            opening.close()
            first.end()
            first.end()
            with pytest.raises(CursorExpired):
                await rig.open(Cursor("b" * 10, 1), principal=VISITOR)
            assert rig.feeds.readers.count == 0
            assert len([await rig.stream(principal=VISITOR) for _ in range(2)]) == 2

    run(scenario())


class Story:
    """What befalls the subscribers of one conversation, step by step."""

    def __init__(self, rig: HubRig) -> None:
        self.rig = rig
        self.clients: list[tuple[Client, int, Subscription]] = []

    async def tell(self, what: str, number: int) -> None:
        await getattr(self, what)(number)

    async def say(self, number: int) -> None:
        for _ in range(number % 13 + 1):
            self.rig.say()

    async def miss(self, number: int) -> None:
        for _ in range(number % 13 + 1):
            self.rig.say(hinted=False)

    async def join(self, number: int) -> None:
        seq = min(number, self.rig.log.head.seq)
        client = Client(Lines("a" if number % 2 else "b"))
        with suppress(Unavailable):
            opening = await self.rig.open(self.rig.at(seq))
            self.clients.append((client, seq, opening.start(client)))

    async def stall(self, number: int) -> None:
        if self.clients:
            self.clients[number % len(self.clients)][0].room = 1 + number % 2

    async def read(self, number: int) -> None:
        if self.clients:
            self.clients[number % len(self.clients)][0].read(3)

    async def leave(self, number: int) -> None:
        if self.clients:
            self.clients.pop(number % len(self.clients))[2].end()

    async def redact(self, number: int) -> None:
        if messages := self.rig.log.messages:
            self.rig.hint(self.rig.log.redact(messages[number % len(messages)]))

    async def outage(self, number: int) -> None:
        self.rig.history.failure = DOWN if number % 2 else None

    async def write(self, number: int) -> None:
        self.rig.draft("x" * (number % 7) + "y")

    async def wait(self, number: int) -> None:
        await asyncio.sleep((0, 0.001, 0.004, 0.006, 0.05, 0.4)[number % 6])

    async def end(self) -> None:
        self.rig.history.failure = None
        self.rig.hint_head()
        await asyncio.sleep(12)
        for client, _, _ in self.clients:
            client.read()
        await asyncio.sleep(12)


STEPS = ["say", "miss", "join", "join", "stall", "read", "leave", "redact", "outage", "write", "wait", "wait"]


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30)), max_size=40), st.integers(1, 12))
# The only one that keeps up leaves while the log is read for it, and another begins to keep up further on.
@example([("join", 0), ("say", 0), ("say", 0), ("join", 0), ("join", 2), ("leave", 0)], 1)
def test_every_subscriber_gets_the_log_from_its_cursor(steps: list[tuple[str, int]], keep: int) -> None:
    """Clients that stall and go on, entries whose hints get lost, redactions, and a store that is down for a while: in
    the end each client has every entry past the cursor that it came with, in order, each once, and the same drafts."""

    async def scenario() -> None:
        async with instance(keep=keep) as rig:
            rig.say("first")
            story = Story(rig)
            for what, number in steps:
                await story.tell(what, number)
            await story.end()
            for client, seq, _ in story.clients:
                assert client.closed is None
                assert client.seqs == list(range(seq + 1, rig.log.head.seq + 1))
                assert client.drafts == {draft.message_id: draft.text for draft in rig.writing.of("room")}

    run(scenario())
