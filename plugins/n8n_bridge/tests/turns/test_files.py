"""The files of a turn's messages are bounded together."""

from __future__ import annotations

from umbral_chat_n8n_bridge.files.reference import UploadReference
from umbral_chat_n8n_bridge.files.uploaded import FileLimits
from umbral_chat_n8n_bridge.relay.turns import Turn, TurnSettings

RULES = TurnSettings("interrupt", files=FileLimits(3, 100))


def of(count: int, size: int) -> UploadReference:
    return UploadReference("k" * 32, count, size)


def test_messages_join_while_their_files_are_within_the_bounds() -> None:
    turn = Turn(RULES, 1, 5, 0.0, of(1, 60))
    assert turn.said(2, 5, 1.0, of(2, 40)) == "joined"
    assert turn.said(3, 5, 2.0) == "joined"
    assert turn.said(4, 5, 3.0, of(1, 0)) == "next"
    assert turn.seqs == (1, 2, 3)


def test_one_that_is_too_much_interrupts_nothing_and_closes_the_turn() -> None:
    turn = Turn(RULES, 1, 5, 0.0, of(1, 60))
    turn.begin()
    assert turn.said(2, 5, 1.0, of(1, 41)) == "next"
    assert turn.said(3, 5, 2.0) == "next"
    assert not turn.interruptible


def test_what_was_recorded_stays_whatever_the_bounds_are_now() -> None:
    turn = Turn(RULES, 1, 5, 0.0, of(3, 90), recorded=2)
    assert turn.said(2, 5, 1.0, of(3, 90)) == "joined"
