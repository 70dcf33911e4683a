"""Finding the execution of a run among n8n's, or proof that there is none."""

from __future__ import annotations

from typing import Any, Literal

from umbral_chat_n8n_bridge.executions.api import ExecutionsApi, ExecutionsUnavailable
from umbral_chat_n8n_bridge.executions.records import ListedExecution, match_of, saves_all

SKEW = 120.0
"""Seconds that n8n's clock and ours may differ: executions from so long before our call on are looked at."""

PAGES = 5
"""Pages of executions that are looked at. What began before them is not found, and then nothing is proven."""


Finding = dict[str, Any] | Literal["never_began", "undecided"]
"""The execution with its data, which may still run; or that it never began: every execution that may be the run's was
readable and is another one, and n8n keeps them all; or that one of them cannot be read."""


class ExecutionSearch:
    """The search for one run, which may be repeated. What is known to be another run's is not read again."""

    def __init__(
        self, api: ExecutionsApi, workflow: str, *, run_id: str, session: str, called_at: float, saved_by_default: bool
    ) -> None:
        """`called_at`: when n8n was called, in Unix seconds."""
        self._api, self._workflow = api, workflow
        self._run_id, self._session, self._since = run_id, session, called_at - SKEW
        self._saved_by_default = saved_by_default
        self._others: set[str] = set()

    async def look(self, execution_id: str | None = None) -> Finding:
        """What n8n says now; `execution_id`: that of the execution, where it is known. Raises ExecutionsUnavailable."""
        if execution_id is not None:
            found = await self._api.execution(execution_id, data=True)
            if found is not None:
                return found
        # Those that run first: what ends in between is in the second list.
        running, complete = await self._listed("running")
        ended, all_of_them = await self._listed(None)
        decided = complete and all_of_them
        for one in running + ended:
            if str(one.id) in self._others:
                continue
            execution = await self._readable(str(one.id))
            match = "unreadable" if execution is None else match_of(execution, self._run_id, self._session)
            if match == "ours" and execution is not None:
                return execution
            if match == "other":
                self._others.add(str(one.id))
            decided = decided and match == "other"
        return "never_began" if decided and await self._keeps_all() else "undecided"

    async def _listed(self, status: str | None) -> tuple[list[ListedExecution], bool]:
        """The executions since the call, and whether these are all."""
        found: list[ListedExecution] = []
        cursor: str | None = None
        for _ in range(PAGES):
            page = await self._api.page(self._workflow, status=status, cursor=cursor)
            recent = [one for one in page.data if not one.began_before(self._since)]
            found += recent
            # By id, the newest first: those behind one that is too old are older.
            if page.cursor is None or len(recent) < len(page.data):
                return found, True
            cursor = page.cursor
        return found, False

    async def _readable(self, execution_id: str) -> dict[str, Any] | None:
        try:
            return await self._api.execution(execution_id, data=True)
        except ExecutionsUnavailable as error:
            if error.status is not None:
                raise
            return None

    async def _keeps_all(self) -> bool:
        try:
            workflow = await self._api.workflow(self._workflow)
        except ExecutionsUnavailable:
            return False
        return saves_all(workflow, by_default=self._saved_by_default)


__all__ = ["PAGES", "SKEW", "ExecutionSearch", "Finding"]
