"""Turns: which of a user's messages one run answers, and when it begins. Pure: the caller passes the time.

A turn is led by its first message, under whose seq the ledger keeps it. It gathers further messages until its run
begins; with `interrupt` also while it runs, which ends that run and has the turn gather again.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from umbral_chat_n8n_bridge.files.reference import UploadReference
from umbral_chat_n8n_bridge.files.uploaded import FileLimits
from umbral_chat_n8n_bridge.relay.ledger import RunRecord
from umbral_chat_n8n_bridge.settings import DuringRun

TURN_MESSAGES = 50
"""Most messages of a turn, which also bounds how often it is interrupted, and so for how long anyone can put off an
answer."""

Place = Literal["joined", "interrupts", "next"]
"""Where a message belongs: to the turn; to the turn, whose run it interrupts; or to a later turn."""


class TurnSettings(NamedTuple):
    """How a chat's messages make turns. Times in seconds; `burst_quiet` 0: bursts are not gathered."""

    during_run: DuringRun = "queue"
    burst_quiet: float = 0.0
    burst_wait: float = 0.0
    characters: int = 32_000
    """Most characters of a turn's messages together: what is sent to the workflow as one."""
    files: FileLimits = FileLimits(10, 5_242_880)
    """Those of a turn's messages together."""

    @property
    def gathers(self) -> bool:
        """Whether turns may have more than one message."""
        return self.during_run != "queue" or self.burst_quiet > 0


class Turn:
    """One turn: the messages that one run answers. To be given each of the user's messages after the first, in the
    order of the log.

    `recorded`: up to this seq messages were recorded as the turn's own before, and stay so. `fixed`: no others join,
    since later ones may have been answered already.
    """

    def __init__(
        self,
        rules: TurnSettings,
        seq: int,
        characters: int,
        at: float,
        files: UploadReference | None = None,
        *,
        recorded: int = 0,
        fixed: bool = False,
    ) -> None:
        self._rules = rules
        self._count, self._size = (0, 0) if files is None else (files.count, files.size)
        self._seqs = [seq]
        self._characters = characters
        self._recorded = recorded
        self._closed = fixed
        self._opened = self._active = at
        self.running = False
        """Whether its run has begun."""

    @property
    def seqs(self) -> tuple[int, ...]:
        """Its messages."""
        return tuple(self._seqs)

    @property
    def due(self) -> float:
        """When its run begins, unless more comes until then."""
        if self._closed or self._rules.burst_quiet <= 0:
            return self._opened
        return min(self._active + self._rules.burst_quiet, self._opened + self._rules.burst_wait)

    @property
    def gathers(self) -> bool:
        """Whether its further messages are to be read before its run begins."""
        return self._rules.gathers or self._recorded > 0

    def open_after(self, seq: int) -> bool:
        """Whether a message after this one may join it before its run begins."""
        return not self._closed or seq < self._recorded

    @property
    def interruptible(self) -> bool:
        """Whether a further message ends the run."""
        return self._rules.during_run == "interrupt" and not self._closed

    def said(self, seq: int, characters: int, at: float, files: UploadReference | None = None) -> Place:
        """The user's next message, of `at`. One that was given before changes nothing."""
        if seq <= self._seqs[-1]:
            return "joined"
        if seq <= self._recorded:
            self._join(seq, characters, at, files)
            return "joined"
        if self._closed or not self._takes(characters, at, files):
            self._closed = True  # what comes later is not to be answered before it
            return "next"
        if not self.running:
            self._join(seq, characters, at, files)
            return "joined"
        self.running = False
        self._opened = self._active = at
        self._join(seq, characters, at, files)
        return "interrupts"

    def typing(self, at: float) -> None:
        """The user is typing at `at`, which puts off a run that has not begun: for as long as a burst may wait."""
        if not self.running:
            self._active = max(self._active, at)

    def begin(self) -> None:
        """Its run begins, with the messages that it has."""
        self.running = True
        self._recorded = self._seqs[-1]

    def _takes(self, characters: int, at: float, files: UploadReference | None) -> bool:
        if self._characters + characters > self._rules.characters or len(self._seqs) >= TURN_MESSAGES:
            return False
        limits = self._rules.files
        if files is not None and (self._count + files.count > limits.number or self._size + files.size > limits.size):
            return False
        if self.running:
            return self._rules.during_run == "interrupt"
        return self._rules.during_run != "queue" or (self._rules.burst_quiet > 0 and at <= self.due)

    def _join(self, seq: int, characters: int, at: float, files: UploadReference | None) -> None:
        self._seqs.append(seq)
        if files is not None:
            self._count, self._size = self._count + files.count, self._size + files.size
        self._characters += characters
        self._active = max(self._active, at)


Standing = Literal["new", "over", "given_up", "lost", "interrupted"]
"""How a message stands that its consumer is passed, see `standing`."""


def standing(seq: int, record: RunRecord, leader: RunRecord | None, *, more: bool, rules: TurnSettings) -> Standing:
    """How a message stands by what is stored: `record` of itself, `leader` of the one whose turn it was recorded to
    join, and `more`: whether the user has written after it.

    `new`: its run is to begin. `over`: nothing is to be done. `given_up`: its run was given up. `lost`: the workflow
    was called, and whoever called it is gone. `interrupted`: so it is, and the run would have been interrupted anyway.
    """
    match record.state:
        case "over":
            return "given_up" if record.given_up else "over"
        case "joined":
            # The leader's record counts: the turn may have begun without this one, after a crash in between.
            return "over" if leader is not None and leader.state == "over" and leader.through >= seq else "new"
        case "called":
            return "interrupted" if more and rules.during_run == "interrupt" else "lost"
        case _:
            return "new"


__all__ = ["TURN_MESSAGES", "Place", "Standing", "Turn", "TurnSettings", "standing"]
