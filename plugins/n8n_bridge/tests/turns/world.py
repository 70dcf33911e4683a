"""A world with virtual time for the rules of turns: a user who writes and types, a workflow that takes its time, agents
who take over, and an instance that crashes between any two writes. What is decided is decided by the rules under test;
the writes are in the order in which the consumer makes them."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from umbral_chat_n8n_bridge.relay.ledger import RunRecord
from umbral_chat_n8n_bridge.relay.turns import Turn, TurnSettings, standing

TYPING_TTL = 3.0
"""Seconds for which one report of typing holds."""

LOOK_EVERY = 1.0
TAKEN_OVER = 30.0
"""Seconds after which another instance goes on after a crash."""


class Crash(Exception):
    """The instance is gone."""


@dataclass
class SimulatedRun:
    """One call of the workflow."""

    seqs: tuple[int, ...]
    generation: int
    begun: float
    ended: float = 0.0
    outcome: str = "lost"


@dataclass
class World:
    """One conversation, whose user messages are numbered 1, 2, 3 …"""

    rules: TurnSettings
    said: list[tuple[float, int]]
    """When each message came, ascending, and its characters."""
    typed: list[float] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    """Of the runs, in turn; the last one's of all further ones."""
    agents: list[tuple[float, float]] = field(default_factory=list)
    """When an agent has the conversation: from, until."""
    crashes: frozenset[int] = frozenset()
    """Writes, counted, before which the instance crashes."""

    now: float = 0.0
    cursor: int = 0
    writes: int = 0
    records: dict[int, RunRecord] = field(default_factory=dict)
    runs: list[SimulatedRun] = field(default_factory=list)
    dead: list[tuple[int, ...]] = field(default_factory=list)
    human: list[int] = field(default_factory=list)
    crashed: int = 0

    def play(self) -> None:
        """Until every message is handled."""
        while self.cursor < len(self.said):
            self.now = max(self.now, self.said[self.cursor][0])
            try:
                self._handle(self.cursor + 1)
                self._step()
                self.cursor += 1
            except Crash:
                self.crashed += 1
                self.now += TAKEN_OVER

    def after(self, seq: int) -> list[int]:
        """The messages after it that are in the log by now."""
        return [one for one in range(seq + 1, len(self.said) + 1) if self.said[one - 1][0] <= self.now]

    def agent_at(self, time: float) -> bool:
        """Whether an agent has the conversation then."""
        return any(begin <= time < end for begin, end in self.agents)

    def _handle(self, seq: int) -> None:
        record = self.records.get(seq, RunRecord())
        leader = self.records.get(record.leader) if record.state == "joined" else None
        more = bool(self.after(max(seq, record.through)))
        stands = standing(seq, record, leader, more=more, rules=self.rules)
        if stands in {"over", "given_up"}:
            return
        if stands in {"lost", "interrupted"}:
            if self._last(seq).outcome == "completed":
                self._save(seq, _with(record, state="over"))
                return
            if stands == "lost":
                self._last(seq).outcome = "lost"  # that it was cancelled is not known
                self._save(seq, _with(record, state="over", given_up=True))
                self.dead.append(self._last(seq).seqs)
                return
            self._last(seq).outcome = "interrupted"
            record = self._save(seq, record.again())
        elif record.state == "joined":
            record = RunRecord()
        self._answer(seq, record)

    def _answer(self, seq: int, record: RunRecord) -> None:
        at, characters = self.said[seq - 1]
        turn, read = Turn(self.rules, seq, characters, at, recorded=record.through), seq
        while True:
            read = self._gather(turn, read)
            if self.agent_at(self.now):
                self._save(seq, RunRecord(state="over", generation=record.generation, outcome="human"))
                self.human.append(seq)
                return
            for joined in turn.seqs[1:]:
                known = self.records.get(joined)
                if known is None or known.state != "joined" or known.leader != seq:
                    self._save(joined, RunRecord(state="joined", leader=seq, generation=record.generation))
            turn.begin()
            through = turn.seqs[-1] if len(turn.seqs) > 1 else 0
            record = self._save(seq, _with(record, state="called", through=through))
            run = SimulatedRun(turn.seqs, record.generation, self.now)
            self.runs.append(run)
            read, outcome = self._run(turn, read)
            run.ended = self.now
            self._step()  # it may crash while the workflow runs
            run.outcome = outcome
            if run.outcome != "interrupted":
                self._save(seq, _with(record, state="over"))
                return
            record = self._save(seq, record.again())

    def _gather(self, turn: Turn, read: int) -> int:
        while turn.gathers and turn.open_after(read):
            for seq in self.after(read):
                at, characters = self.said[seq - 1]
                turn.said(seq, characters, at)
                read = seq
            if any(at <= self.now < at + TYPING_TTL for at in self.typed):
                turn.typing(self.now)
            if (wait := turn.due - self.now) <= 0:
                break
            self.now += min(wait, LOOK_EVERY)
        return read

    def _run(self, turn: Turn, read: int) -> tuple[int, str]:
        """How it ends, and up to where the log was read for it."""
        duration = self.durations[min(len(self.runs) - 1, len(self.durations) - 1)] if self.durations else 1.0
        end = self.now + duration
        takeover = min((begin for begin, _ in self.agents if begin >= self.now), default=end)
        while turn.interruptible and read < len(self.said):
            at, characters = self.said[read]
            if at > min(end, takeover):
                break
            self.now, read = max(self.now, at), read + 1
            if turn.said(read, characters, at) == "interrupts":
                return read, "interrupted"
        self.now = min(end, max(takeover, self.now))
        return read, "cancelled" if takeover < end else "completed"

    def _last(self, seq: int) -> SimulatedRun:
        return next(run for run in reversed(self.runs) if run.seqs[0] == seq)

    def _save(self, seq: int, record: RunRecord) -> RunRecord:
        self._step()
        self.records[seq] = record
        return record

    def _step(self) -> None:
        self.writes += 1
        if self.writes in self.crashes:
            raise Crash


def _with(record: RunRecord, **changes: object) -> RunRecord:
    return msgspec.structs.replace(record, **changes)


__all__ = ["TYPING_TTL", "SimulatedRun", "World"]
