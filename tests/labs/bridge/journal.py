"""What the scripted n8n keeps, in a file that outlives its process: each call of a webhook and how it was answered, and
each execution as n8n's list shows it. The lab reads it when the run is over. The proxy before a real n8n keeps the
calls alone."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

PREPARE = """
create table if not exists calls (
  id integer primary key, key text not null, run_id text not null, fault text, how text
);
create table if not exists executions (
  id integer primary key, workflow text not null, key text not null, run_id text not null,
  status text not null, started_at text not null, request text not null, answer text
);
"""


class Call(NamedTuple):
    """A call of a webhook. `fault`: the one that met it, if one did; `how`: `answered` whole, `lost` while the
    execution went on, `died` with n8n's process, `unready` by a real n8n that had not all of its webhooks yet, or the
    fault that left it without an execution."""

    key: str
    run_id: str
    fault: str
    how: str


class Execution(NamedTuple):
    """An execution of a workflow."""

    id: int
    workflow: str
    key: str
    run_id: str
    status: str
    started_at: str
    request: dict[str, Any]
    answer: str | None
    lasted: float = 0.0
    """Seconds from its begin until n8n recorded its end; of a scripted n8n's not known, and short."""

    @property
    def ended(self) -> bool:
        """Whether it came to its own end."""
        return self.status in {"success", "error"}


class Journal:
    """The file."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        # The process is killed, not the machine.
        self._database.executescript("pragma synchronous = off;" + PREPARE)

    def recover(self) -> None:
        """As n8n does when it starts: what ran when it was killed has crashed."""
        self._database.execute("update executions set status = 'crashed' where status = 'running'")
        self._database.execute("update calls set how = 'died' where how is null")

    def called(self, key: str, run_id: str, fault: str | None) -> int:
        """A request was read; its number."""
        query = "insert into calls (key, run_id, fault) values (?, ?, ?)"
        found = self._database.execute(query, (key, run_id, fault)).lastrowid
        assert found is not None
        return found

    def concluded(self, call: int, how: str) -> None:
        """How a call was answered."""
        self._database.execute("update calls set how = ? where id = ?", (how, call))

    def busy(self, key: str) -> int:
        """Calls of a message that were answered with `busy`."""
        query = "select count(*) from calls where key = ? and how = 'busy'"
        return int(self._database.execute(query, (key,)).fetchone()[0])

    def began(self, workflow: str, key: str, run_id: str, request: dict[str, Any]) -> int:
        """An execution begins; its id."""
        row = (workflow, key, run_id, "running", datetime.now(UTC).isoformat(), json.dumps(request))
        found = self._database.execute(
            "insert into executions (workflow, key, run_id, status, started_at, request) values (?, ?, ?, ?, ?, ?)", row
        ).lastrowid
        assert found is not None
        return found

    def ended(self, execution: int, status: str, answer: str | None) -> None:
        """An execution ends."""
        query = "update executions set status = ?, answer = ? where id = ?"
        self._database.execute(query, (status, answer, execution))

    def calls(self) -> list[Call]:
        """All, in their order."""
        query = "select key, run_id, coalesce(fault, ''), coalesce(how, '') from calls order by id"
        return [Call(*row) for row in self._database.execute(query)]

    def executions(self, workflow: str | None = None) -> list[Execution]:
        """All, or those of one workflow, in their order."""
        query = """
            select id, workflow, key, run_id, status, started_at, request, answer from executions
            where ?1 is null or workflow = ?1 order by id
        """
        return [
            Execution(number, name, key, run_id, status, at, json.loads(request), answer)
            for number, name, key, run_id, status, at, request, answer in self._database.execute(query, (workflow,))
        ]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


__all__ = ["Call", "Execution", "Journal"]
