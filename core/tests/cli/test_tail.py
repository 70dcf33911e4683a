"""`tail`: every entry once and in order, across outages, until the conversation ends."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.cli.client import Client, Json
from umbral_chat._core.cli.failures import Problem
from umbral_chat._core.cli.follow import Follower, follow
from umbral_chat._core.cli.service import Service

if TYPE_CHECKING:
    from core.tests.cli.conftest import FakeService, Run


def seqs(output: str) -> list[int]:
    return [json.loads(line)["seq"] for line in output.splitlines()]


def test_the_newest_entries_are_shown(run: Run, service: FakeService) -> None:
    service.say("demo", *(f"text {n}" for n in range(1, 21)))
    assert seqs(run("tail", "demo", "-n", "7", "--json", service=service).stdout) == list(range(14, 21))
    assert seqs(run("tail", "demo", "-n", "0", "--json", service=service).stdout) == []
    assert seqs(run("tail", "demo", "-n", "50", "--json", service=service).stdout) == list(range(1, 21))


def test_after_a_cursor_everything_that_follows_is_shown(run: Run, service: FakeService) -> None:
    service.say("demo", *(f"text {n}" for n in range(1, 21)))
    assert seqs(run("tail", "demo", "--after", "aaaaaaaaaa.5", "--json", service=service).stdout) == list(range(6, 21))
    assert seqs(run("tail", "demo", "--after", "0", "--json", service=service).stdout) == list(range(1, 21))


def test_a_conversation_that_was_never_made_is_empty(run: Run, service: FakeService) -> None:
    result = run("tail", "nothing", "--json", service=service)
    assert (result.exit_code, result.stdout) == (0, "")


def test_entries_are_shown_with_sender_content_and_changes(run: Run, service: FakeService) -> None:
    service.append("demo", "message", {"content": "Hi", "sender": {"role": "user", "name": "Ann"}})
    service.append("demo", "edit", {"content": "Hello", "message_id": "m1"})
    service.append("demo", "redaction", {"message_id": "m1"})
    service.append("demo", "update", {"changes": {"status": "closed"}})
    service.append("demo", "message", {"content": "", "redacted": True})
    service.append("demo", "message", {"content": "two\nlines", "reply_to": "m1"})
    service.append("demo", "run", {"run_id": "r1", "outcome": "failed", "reason": "lost"})
    service.append("demo", "message", {"content": "The answ", "finish": "interrupted"})
    service.append("demo", "poll-from-the-future", {})
    said = run("tail", "demo", service=service).stdout
    for part in ("── 2026-11-22 ──", "user Ann  Hi", "edits 1: Hello", "redacts 1", "sets status: closed"):
        assert part in said
    assert "(redacted)" in said
    assert "run ended without a message: failed (lost)" in said
    assert "re 1: two\n               lines" in said
    assert "The answ (interrupted)" in said
    assert "(poll-from-the-future)" in said


def test_content_cannot_control_the_terminal(run: Run, service: FakeService) -> None:
    service.append(
        "demo",
        "message",
        {"content": "a\x1b[2Jb\x9b31mc\x07[bold]d\r\te", "sender": {"role": "user", "name": "\x1b]0;x\x07N\n12:00"}},
    )
    plain, said = (run("tail", "demo", *form, service=service).stdout for form in ([], ["--json"]))
    for text in (plain, said):
        assert not {char for char in text if (ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160}
    assert json.loads(said)["content"] == "a\x1b[2Jb\x9b31mc\x07[bold]d\r\te"  # JSON is escaped, not changed
    assert r"a\u001b[2Jb\u009b31mc\u0007[bold]d" in plain
    assert "\n                   e\n" in plain  # a return ends a line like any other


def test_an_expired_cursor_is_reported_and_the_reader_starts_over(run: Run, service: FakeService) -> None:
    service.say("demo", "old")
    service.recreate("demo")
    service.say("demo", "new 1", "new 2")
    result = run("tail", "demo", "--after", "aaaaaaaaaa.1", "--json", service=service)
    assert result.exit_code == 0
    assert seqs(result.stdout) == [1, 2]
    assert "Starting over" in result.stderr


def test_a_deleted_conversation_ends_with_exit_code_1(run: Run, service: FakeService) -> None:
    service.say("demo", "x")

    def delete() -> None:
        end = time.monotonic() + 20
        # Whoever asks for what follows the entry has shown it.
        while not any(query.get("after") == "aaaaaaaaaa.1" for *_, query in list(service.requests)):
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        service.delete("demo")

    threading.Thread(target=delete, daemon=True).start()
    result = run("tail", "demo", "-f", "--json", service=service)
    assert result.exit_code == 1
    assert seqs(result.stdout) == [1]
    assert "conversation_deleted" in result.stderr


def test_without_a_service_there_is_no_waiting(run: Run) -> None:
    result = run("tail", "demo", "-f")
    assert result.exit_code == 3
    assert "umbral-chat serve" in result.stderr


def test_a_refused_key_ends_it(run: Run, service: FakeService) -> None:
    service.key = "right"
    result = run("--key", "wrong-key", "tail", "demo", "-f", service=service)
    assert result.exit_code == 1
    assert "UMBRAL_CHAT_KEY" in result.stderr
    assert "wrong-key" not in result.output


def _following(service: FakeService, until: Callable[[list[Json]], bool]) -> tuple[list[Json], list[str]]:
    """The entries shown to a live reader until `until` is true, and the notices printed meanwhile."""
    shown: list[Json] = []
    notices: list[str] = []

    async def main() -> None:
        async with Client(Service(service.url)) as client, asyncio.timeout(20):
            task = asyncio.create_task(
                follow(client, "demo", Follower(), shown.extend, live=True, notice=notices.append)
            )
            while not until(shown):
                await asyncio.sleep(0.01)
                assert not task.done(), task
            task.cancel()

    asyncio.run(main())
    return shown, notices


def test_a_reader_follows_across_an_outage_and_misses_and_repeats_nothing(service: FakeService) -> None:
    def write() -> None:
        for number in range(60):
            service.say("demo", str(number))
            if number in {20, 40}:
                service.restart(0.2)
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    shown, notices = _following(service, lambda entries: len(entries) >= 60)
    writer.join()
    assert [entry["seq"] for entry in shown] == list(range(1, 61))
    assert "Lost the service" in notices[0]
    assert "is back" in notices[1]


@pytest.mark.parametrize("fault", [503, "lose", "refuse"])
def test_a_fault_while_following_is_reported_once_and_retried(service: FakeService, fault: str | int) -> None:
    service.say("demo", "1")

    def disturbed(shown: list[Json]) -> bool:
        if len(shown) == 1 and len(service.logs["demo"]) == 1:
            service.faults.extend([fault] * 3)
            service.say("demo", "2")
        return len(shown) == 2 and not service.faults

    shown, notices = _following(service, disturbed)
    assert [entry["seq"] for entry in shown] == [1, 2]
    assert len([text for text in notices if "Lost" in text]) == 1


def test_a_long_poll_that_is_not_held_does_not_make_a_busy_loop(service: FakeService) -> None:
    """As one that is stopping answers: at once and with nothing."""
    empty = {"entries": [], "cursor": "0", "head": 0, "has_more": False, "poll_after_ms": 300}
    service.canned["GET", "/v1/conversations/demo/events"] = (200, empty)
    began = time.monotonic()
    _following(service, lambda _: time.monotonic() - began > 1)
    assert len(service.requests) < 8


def closed(code: str, reconnect: str, **more: object) -> dict[str, object]:
    """The last event of a stream."""
    return {"state": "closed", "code": code, "reconnect": reconnect, "detail": "So it is.", **more}


DRAINING = closed("draining", "now", retry_ms=20)


def asked(service: FakeService, route: str) -> int:
    """How many requests went to a conversation's `stream` or `events`."""
    return sum(path.endswith(f"/{route}") for _, path, _ in service.requests)


@pytest.mark.parametrize("ends", [[], [DRAINING] * 3, ["cut"] * 3, [DRAINING, "cut", DRAINING]])
def test_a_stream_is_followed_across_its_ends_without_gap_or_repeat(
    service: FakeService, ends: list[str | dict[str, object]]
) -> None:
    service.streams = deque(ends)

    def write() -> None:
        for number in range(30):
            service.say("demo", str(number))
            if number == 15:
                service.restart(0.2)
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    shown, notices = _following(service, lambda entries: len(entries) >= 30)
    writer.join()
    assert [entry["seq"] for entry in shown] == list(range(1, 31))
    assert asked(service, "events") == 0
    assert not [text for text in notices if "Starting over" in text]


def test_where_realtime_is_off_or_switched_off_it_polls(service: FakeService) -> None:
    service.streams = deque([closed("realtime_off", "poll"), "off"])
    service.say("demo", "1", "2", "3", "4")
    shown, notices = _following(service, lambda entries: len(entries) >= 4)
    assert [entry["seq"] for entry in shown] == [1, 2, 3, 4]
    assert (asked(service, "stream"), notices) == (1, [])
    service.streams = deque(["off"])
    shown, _ = _following(service, lambda entries: len(entries) >= 4)
    assert [entry["seq"] for entry in shown] == [1, 2, 3, 4]
    assert asked(service, "stream") == 2


@pytest.mark.parametrize(
    ("code", "reconnect"),
    [("conversation_deleted", "never"), ("forbidden", "never"), ("token_expired", "renew"), ("of_the_future", "never")],
)
def test_a_stream_that_must_not_be_opened_again_ends_it(
    run: Run, service: FakeService, code: str, reconnect: str
) -> None:
    service.streams = deque([closed(code, reconnect)])
    service.say("demo", "1", "2")
    result = run("tail", "demo", "-f", "--json", service=service)
    assert (result.exit_code, seqs(result.stdout)) == (1, [1, 2])
    assert code in result.stderr
    assert "So it is." in result.stderr
    assert asked(service, "stream") == 1


def test_a_stream_of_another_log_starts_over(service: FakeService) -> None:
    service.streams = deque([closed("draining", "now")])
    service.say("demo", "1", "2")

    def recreated(shown: list[Json]) -> bool:
        if len(shown) == 2 and service.epochs["demo"] == "aaaaaaaaaa":
            service.recreate("demo")
            service.say("demo", "new")
        return len(shown) == 3

    shown, notices = _following(service, recreated)
    assert [entry["seq"] for entry in shown] == [1, 2, 1]
    assert "Starting over" in notices[0]


@pytest.mark.parametrize("data", ["nonsense", "[]", '{"seq": "one"}'])
def test_events_of_another_service_are_named(service: FakeService, data: str) -> None:
    """What is wrong with a stream may be something on the way; polls of such a service are no better."""
    service.streams = deque()
    service.append("demo", "message", {"raw": data})
    service.canned["GET", "/v1/conversations/demo/events"] = (200, "<html>Welcome</html>")
    shown: list[Json] = []
    notices: list[str] = []

    async def main() -> None:
        async with Client(Service(service.url)) as client, asyncio.timeout(20):
            with pytest.raises(Problem, match="not an Umbral Chat service"):
                await follow(client, "demo", Follower(), shown.extend, live=True, notice=notices.append)

    asyncio.run(main())
    assert (shown, notices) == ([], [])


entry_runs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30)


@given(entry_runs)
def test_overlapping_answers_give_each_entry_once_and_in_order(runs: list[tuple[int, int]]) -> None:
    """Answers that repeat what was given (a lost answer asked again, a cache that is behind) give nothing twice."""
    follower, given_out = Follower(), []
    for wanted, length in runs:
        place = int(follower.cursor.rpartition(".")[2])
        start = min(wanted, place)
        end = max(place, start + length)
        entries = [{"seq": seq} for seq in range(start + 1, end + 1)]
        given_out += follower.take({"entries": entries, "cursor": f"aaaaaaaaaa.{end}"})
    assert [entry["seq"] for entry in given_out] == list(range(1, len(given_out) + 1))


def test_a_snapshot_shows_what_changed_since_the_last() -> None:
    follower = Follower()
    first = {
        "snapshot": True,
        "cursor": "aaaaaaaaaa.2",
        "messages": [{"seq": 1, "version": 1}, {"seq": 2, "version": 2}],
    }
    again = {
        "snapshot": True,
        "cursor": "aaaaaaaaaa.3",
        "messages": [{"seq": 1, "version": 3}, {"seq": 2, "version": 2}],
    }
    assert [message["seq"] for message in follower.take(first)] == [1, 2]
    assert [message["seq"] for message in follower.take(again)] == [1]
