"""The runs of a conversation, pure: whatever happens in whatever order, each ends once, and its record stays small."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.conversations.runs import RunRecord, StoredRun, fingerprint
from umbral_chat.errors import Conflict, NotFound, RequestError, TooManyRequests
from umbral_chat.model.entries import Sender
from umbral_chat.model.runs import LABEL_LIMIT, METADATA_BYTES
from umbral_chat.model.validation import REASON_LIMIT
from umbral_chat.providers.store import VALUE_LIMIT

START = datetime(2026, 1, 1, tzinfo=UTC)
BOT = Sender(role="assistant", name="Bot")
SILENCE = 900.0


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def run(run_id: str = "r", *, now: datetime = START, **more: Any) -> StoredRun:
    fields: dict[str, Any] = {"fingerprint": "f", "sender": BOT, "started_at": now, "alive_at": now, **more}
    return StoredRun(run_id=run_id, **fields)


def begun(*ids: str, limit: int = 8) -> RunRecord:
    record = RunRecord()
    for run_id in ids:
        record = record.start("room", run(run_id), limit=limit)
    return record


def refused(code: str, error: type[RequestError], call: Any) -> RequestError:
    with pytest.raises(error) as raised:
        call()
    assert raised.value.code == code
    return raised.value


def test_a_start_is_shown_and_repeats_change_nothing() -> None:
    record = begun("a")
    assert [(view.run_id, view.state, view.sender) for view in record.views] == [("a", "started", BOT)]
    assert record.start("room", run("a", now=at(5)), limit=1) is record
    refused("idempotency_conflict", Conflict, lambda: record.start("room", run("a", fingerprint="other"), limit=9))
    error = refused("too_many_runs", TooManyRequests, lambda: record.start("room", run("b"), limit=1))
    assert error.limit == 1
    assert error.headers["Retry-After"]


def test_a_progress_replaces_the_one_before_it_and_expires() -> None:
    record = begun("a").progress("a", "tool", at(1), label="search", ttl=10, execution_id="4711")
    (view,) = record.views
    assert (view.state, view.label, view.expires_at, view.execution_id) == ("tool", "search", at(11), "4711")
    assert view.at(at(10.9)) is view
    over = view.at(at(11))
    assert (over.state, over.label, over.expires_at, over.execution_id) == ("started", None, None, "4711")
    (view,) = record.progress("a", "writing", at(2)).views
    assert (view.state, view.label, view.expires_at, view.execution_id) == ("writing", None, None, "4711")
    refused("unknown_run", NotFound, lambda: record.progress("b", "writing", at(2)))


def test_a_cancel_is_asked_for_once_and_its_reason_is_the_end_s() -> None:
    asked = begun("a").cancel("a", "no longer needed")
    assert asked.views[0].cancel_requested
    assert asked.cancel("a", "another reason") is asked
    assert asked.progress("a", "writing", at(1)).views[0].cancel_requested
    for given_reason, wanted in ((None, "no longer needed"), ("stopped", "stopped")):
        ended = asked.finish("a", "cancelled", given_reason, at(2)).find("a")
        assert ended is not None
        assert ended.end is not None
        assert ended.end.reason == wanted
    failed = asked.finish("a", "failed", None, at(2)).find("a")
    assert failed is not None
    assert failed.end is not None
    assert failed.end.reason is None


def test_the_first_end_stays() -> None:
    ended = begun("a", "b").finish("a", "failed", "quota", at(1))
    assert [view.run_id for view in ended.views] == ["b"]
    assert ended.finish("a", "failed", "another", at(2)) is ended
    error = refused("run_ended", Conflict, lambda: ended.finish("a", "completed", None, at(2)))
    assert error.extra == {"outcome": "failed", "reason": "quota"}
    refused("run_ended", Conflict, lambda: ended.progress("a", "writing", at(2)))
    refused("run_ended", Conflict, lambda: ended.cancel("a", None))
    assert ended.start("room", run("a"), limit=8) is ended
    assert ended.without("a").find("a") is None
    assert ended.without("a").without("b") == RunRecord()
    refused("unknown_run", NotFound, lambda: ended.without("a").finish("a", "failed", None, at(2)))


def test_who_is_heard_of_is_not_lost() -> None:
    record = begun("a", "b")
    record = RunRecord("room", (*record.runs, run("c", message_id="m"), run("d", message_id="m")))
    record = record.progress("b", "waiting", at(600)).touch("m", at(700)).touch("m", at(650))
    for now, lost in ((899.9, []), (900, ["a"]), (1499, ["a"]), (1500, ["a", "b"]), (1600, ["a", "b", "c", "d"])):
        changed, silent = record.lose(at(now), SILENCE)
        assert silent == lost
        assert (changed is record) == (not lost)
        assert changed.lose(at(now), SILENCE) == (changed, [])
        ends = {one.run_id: one.end for one in changed.runs}
        assert {name for name, end in ends.items() if end is not None} == set(lost)
        assert all((end.outcome, end.reason) == ("failed", "lost") for end in ends.values() if end is not None)


def test_a_fingerprint_is_of_all_that_a_run_is_started_with() -> None:
    def of(**changed: Any) -> str:
        first: dict[str, Any] = {
            "sender": BOT,
            "for_seq": 1,
            "message_id": "m",
            "metadata": {"a": 1, "b": 2},
            "author": "key:n8n",
        }
        return fingerprint(**(first | changed))

    assert of(metadata={"b": 2, "a": 1}) == of()
    others = (
        of(sender=Sender(role="agent")),
        of(for_seq=2),
        of(message_id=None),
        of(metadata={"a": 1}),
        of(author="key:other"),
    )
    assert len({of(), *others}) == 6


IDS = st.sampled_from(("a", "b", "c"))
STEP = st.one_of(
    st.tuples(st.just("start"), IDS),
    st.tuples(st.just("progress"), IDS, st.sampled_from(("thinking", "tool", "writing", "waiting"))),
    st.tuples(st.just("cancel"), IDS),
    st.tuples(st.just("end"), IDS, st.sampled_from(("completed", "cancelled", "failed"))),
    st.tuples(st.just("settle"), IDS),
    st.tuples(st.just("silence")),
)


@given(st.lists(st.tuples(STEP, st.integers(0, 1000)), max_size=40))
def test_each_run_ends_at_most_once_and_only_runs_that_go_on_are_shown(
    steps: list[tuple[tuple[str, ...], int]],
) -> None:
    record, now, ends = RunRecord(), 0.0, dict[str, list[str]]()
    for step, seconds in steps:
        now += seconds + 1  # runs are told apart by when they were started
        before = {one.run_id: one.end for one in record.runs}
        with suppress(NotFound, Conflict, TooManyRequests):
            record = _applied(record, step, at(now))
        for one in record.runs:
            if one.end is not None and before.get(one.run_id) is None:
                ends.setdefault(f"{one.run_id}@{one.started_at}", []).append(one.end.outcome)
            elif one.end is not None:
                assert one.end == before[one.run_id]
        assert [view.run_id for view in record.views] == [one.run_id for one in record.runs if one.end is None]
        assert len(record.runs) <= 2
        assert bool(record.conversation) == bool(record.runs)
        assert msgspec.json.decode(msgspec.json.encode(record), type=RunRecord) == record
    assert all(len(outcomes) == 1 for outcomes in ends.values())


def _applied(record: RunRecord, step: tuple[str, ...], now: datetime) -> RunRecord:
    match step:
        case ("start", run_id):
            return record.start("room", run(run_id, now=now), limit=2)
        case ("progress", run_id, state):
            return record.progress(run_id, state, now)  # type: ignore[arg-type]
        case ("cancel", run_id):
            return record.cancel(run_id, None)
        case ("end", run_id, outcome):
            return record.finish(run_id, outcome, None, now)  # type: ignore[arg-type]
        case ("settle", run_id):
            known = record.find(run_id)
            return record if known is None or known.end is None else record.without(run_id)
        case _:
            return record.lose(now, SILENCE)[0]


def test_as_many_runs_as_may_be_fit_into_a_record() -> None:
    wide, escaped = "𝕏", "\x01"
    longest = run(
        "r" * 128,
        fingerprint="f" * 32,
        sender=Sender(role="assistant", id=escaped * 128, name=wide * 200),
        epoch="e" * 10,
        after=2**53,
        for_seq=2**53,
        message_id="m" * 128,
        metadata={"x": "y" * (METADATA_BYTES - 8)},
        state="thinking",
        label=wide * LABEL_LIMIT,
        expires_at=START,
        execution_id=wide * 128,
        cancel_requested=True,
        cancel_reason=wide * REASON_LIMIT,
    )
    record = RunRecord("c" * 128, (longest,) * 8)
    for index in range(8):
        changed = msgspec.structs.replace(longest, run_id=f"{index}" * 128)
        record = RunRecord(record.conversation, (*record.runs[:index], changed, *record.runs[index + 1 :]))
        record = record.finish(changed.run_id, "cancelled", wide * REASON_LIMIT, at(0.123456))
    assert len(msgspec.json.encode(record)) <= VALUE_LIMIT
