"""What an instance knows of runs: the newest version applies, and readers are notified of what changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from umbral_chat._core.conversations.run_board import RunBoard
from umbral_chat.model.entries import Sender
from umbral_chat.model.runs import RunState, RunView
from umbral_chat.model.signals import RunSignal, signal_decoder, signal_encoder
from umbral_chat.testing.clock import ManualClock


class Board:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.changed: list[str] = []
        self.board = RunBoard(self.clock, changed=self.changed.append)

    def shown(self, conversation: str = "room") -> list[tuple[str, str]]:
        return [(run.run_id, run.state) for run in self.board.of(conversation)]

    def notified(self) -> list[str]:
        found, self.changed[:] = list(self.changed), []
        return found


def view(run_id: str = "r", state: RunState = "started", *, expires_in: float | None = None) -> RunView:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    until = None if expires_in is None else start + timedelta(seconds=expires_in)
    return RunView(
        run_id=run_id, state=state, label="x", sender=Sender("assistant"), started_at=start, expires_at=until
    )


def test_only_a_newer_version_applies() -> None:
    it = Board()
    assert it.board.put("room", 2, [view()])
    assert not it.board.put("room", 2, [])
    assert not it.board.put("room", 1, [])
    assert (it.shown(), it.notified()) == ([("r", "started")], ["room"])
    assert it.board.put("room", 3, [view()])
    assert it.notified() == []
    assert it.board.put("room", 4, [])
    assert (it.shown(), it.notified(), len(it.board)) == ([], ["room"], 0)
    assert not it.board.put("room", 3, [view()]), "a late signal shows no run that ended"


def test_a_signal_reads_back_as_what_it_was() -> None:
    it = Board()
    signal = RunSignal(conversation="room", version=7, runs=[view("a", "tool"), view("b")])
    decoded = signal_decoder.decode(signal_encoder.encode(signal))
    assert decoded == signal
    assert isinstance(decoded, RunSignal)
    it.board.learn(decoded)
    assert it.shown() == [("a", "tool"), ("b", "started")]


async def test_a_progress_that_expires_is_noticed_once() -> None:
    it = Board()
    it.board.put("room", 1, [view("a", "tool", expires_in=10), view("b", "writing", expires_in=20)])
    it.board.put("other", 1, [view("c", "tool")])
    it.notified()
    for until, shown, notified in (
        (9.9, [("a", "tool"), ("b", "writing")], []),
        (10, [("a", "started"), ("b", "writing")], ["room"]),
        (19, [("a", "started"), ("b", "writing")], []),
        (25, [("a", "started"), ("b", "started")], ["room"]),
        (99, [("a", "started"), ("b", "started")], []),
    ):
        await it.clock.elapse(until - it.clock.monotonic())
        it.board.sweep()
        assert (it.shown(), it.notified()) == (shown, notified), until
    assert it.board.of("room")[0].label is None


async def test_a_scan_makes_up_for_lost_signals_and_takes_nothing_that_came_after_it() -> None:
    it = Board()
    it.board.put("gone", 5, [view()])
    it.board.put("newer", 9, [view("new")])
    await it.clock.elapse(1)
    began = it.clock.monotonic()
    await it.clock.elapse(1)
    it.board.put("just begun", 1, [view()])
    it.notified()
    it.board.scanned({"room": (3, [view("found")]), "newer": (8, [view("old")])}, began)
    assert sorted(it.notified()) == ["gone", "room"]
    assert (it.shown("gone"), it.shown("room")) == ([], [("found", "started")])
    assert (it.shown("newer"), it.shown("just begun")) == ([("new", "started")], [("r", "started")])


def test_a_run_whose_end_is_in_the_log_is_not_shown_beside_it() -> None:
    it = Board()
    it.board.put("room", 5, [view("a"), view("b")])
    it.notified()
    (first, _) = it.board.of("room")
    it.board.ended("room", "a", first.started_at - timedelta(seconds=1))  # of an earlier run of this id
    assert it.notified() == []
    it.board.ended("room", "a", first.started_at)
    assert (it.shown(), it.notified()) == ([("b", "started")], ["room"])
    it.board.put("room", 6, [view("a"), view("b")])  # a signal from before the end, which arrives after it
    it.board.ended("room", "a", None)
    it.board.ended("other", "a", None)
    assert (it.shown(), it.notified()) == ([("b", "started")], [])
    assert not it.board.put("room", 5, [view("a"), view("b")])
    assert it.board.put("room", 7, [view("b", "tool")])
    assert it.shown() == [("b", "tool")]


def test_a_deleted_conversation_is_forgotten() -> None:
    it = Board()
    it.board.put("room", 5, [view()])
    it.notified()
    it.board.forget("room")
    it.board.forget("room")
    assert (it.shown(), it.notified()) == ([], ["room"])
