"""The executions of a real n8n as its database has them when all is over (n8n 2.41). Reads only.

n8n keeps the request from an execution's begin: in the first of the items to be worked on, and, once the trigger's node
has run, in that node's data. So even one that crashed says which message it was for, which n8n's list does not show."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from .journal import Execution
from .workflows import TRIGGER

# With those that n8n would not list since they are to be deleted: none is to be missed.
QUERY = """
select e.id, e."workflowId", e.status, e."createdAt", d.data,
  coalesce((julianday(e."stoppedAt") - julianday(e."createdAt")) * 86400, 0)
from execution_entity e left join execution_data d on d."executionId" = e.id
order by e.id
"""


def saved_executions(database: Path) -> list[Execution]:
    """All, in their order. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        return [execution_of(*row) for row in opened.execute(QUERY)]


def execution_of(
    number: int, workflow: str, status: str, started_at: str, data: str | None, lasted: float
) -> Execution:
    """One of them. Its message and its run are named after its number where nothing of its request is saved."""
    result = {} if data is None else unflattened(data)
    request = next(_requests(result), {})
    text, metadata = request.get("chatInput"), request.get("metadata")
    key = text.partition(" ")[0] if isinstance(text, str) else f"of execution {number}"
    run_id = metadata.get("umbral_run") if isinstance(metadata, dict) else None
    return Execution(
        number, workflow, key, run_id or f"of execution {number}", status, started_at, request, None, lasted
    )


def unflattened(text: str) -> Any:
    """A value of npm's `flatted`: a list of values, in which each string of an object or a list is the place of
    another value. Raises ValueError or LookupError for what is none."""
    values: list[Any] = json.loads(text)
    known: dict[int, Any] = {}

    def at(place: int) -> Any:
        if place in known:
            return known[place]
        value = values[place]
        # Noted before what is in it: a value may contain itself.
        if isinstance(value, dict):
            made: Any = known.setdefault(place, {})
            made.update((name, shown(each)) for name, each in value.items())
        elif isinstance(value, list):
            made = known.setdefault(place, [])
            made.extend(shown(each) for each in value)
        else:
            made = known[place] = value
        return made

    def shown(value: Any) -> Any:
        return at(int(value)) if isinstance(value, str) else value

    return at(0)


def _requests(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What may be the request; n8n puts items of its own into the data of one that crashed."""
    run_data = (result.get("resultData") or {}).get("runData") or {}
    stack = (result.get("executionData") or {}).get("nodeExecutionStack") or []
    for holder in [*run_data.get(TRIGGER, []), *stack]:
        try:
            found = holder["data"]["main"][0][0]["json"]
        except (KeyError, IndexError, TypeError):
            continue
        if "chatInput" in found:
            yield found


__all__ = ["execution_of", "saved_executions", "unflattened"]
