"""Finding the execution of a run among n8n's, or proof that there is none."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from umbral_chat_n8n_bridge.executions.api import ExecutionsApi, ExecutionsUnavailable
from umbral_chat_n8n_bridge.executions.records import ListedExecution, TriggerRequest, requests_of, saves_all

SKEW = 120.0
"""Seconds that n8n's clock and ours may differ: executions from so long before our call on are looked at."""

PAGES = 5
"""Pages of executions that are looked at. What began before them is not found, and then nothing is proven."""


Finding = dict[str, Any] | Literal["never_began", "undecided"]
"""The execution with its data, which may still run; or that it never began: every execution that may be the run's was
readable and is another one, and n8n keeps them all; or that one of them cannot be read."""


PASSES = 10
"""Times that n8n is asked for its list in one look, while there are ever new executions in it."""

KNOWN = 5_000
"""Executions whose requests are kept: more than any search looks at."""


class KnownRequests:
    """What began the executions of one workflow, by their ids. All searches share it: when n8n was away, all runs of
    that time are looked for at once, among the same executions, and n8n has other work to do."""

    def __init__(self) -> None:
        self._requests: dict[str, tuple[TriggerRequest, ...]] = {}

    def of(self, execution_id: str) -> tuple[TriggerRequest, ...] | None:
        """None: it is not known."""
        return self._requests.get(execution_id)

    def keep(self, execution_id: str, requests: tuple[TriggerRequest, ...]) -> None:
        """The oldest of too many is forgotten."""
        self._requests[execution_id] = requests
        if len(self._requests) > KNOWN:
            del self._requests[next(iter(self._requests))]


class ExecutionSearch:
    """The search for one run, which may be repeated. What is known to be another run's is not read again."""

    def __init__(
        self,
        api: ExecutionsApi,
        workflow: str,
        known: KnownRequests,
        *,
        run_id: str,
        session: str,
        called_at: float,
        saved_by_default: bool,
    ) -> None:
        """`called_at`: when n8n was called, in Unix seconds."""
        self._api, self._workflow, self._known = api, workflow, known
        self._run_id, self._session, self._called_at = run_id, session, called_at
        self._saved_by_default = saved_by_default
        self.answered_in = 0.0
        """The longest that n8n has taken for a page of its list when it was looked at last, in seconds: how busy it
        is."""

    async def look(self, execution_id: str | None = None) -> Finding:
        """What n8n says now; `execution_id`: that of the execution, where it is known. Raises ExecutionsUnavailable."""
        if execution_id is not None:
            found = await self._api.execution(execution_id, data=True)
            if found is not None:
                return found
        self.answered_in = 0.0
        for _ in range(PASSES):
            finding, read = await self._pass()
            # Others may have begun while those were read: nothing is proven by a list that is older than the reading.
            if finding != "never_began" or not read:
                return finding
        return "undecided"

    async def _pass(self) -> tuple[Finding, int]:
        """What the executions say that n8n lists now, and how many of them were not known before."""
        read = 0
        # Those that run first: what ends in between is in the second list.
        running, complete = await self._listed("running")
        ended, all_of_them = await self._listed(None)
        decided = complete and all_of_them
        for one in sorted(running + ended, key=self._distance):
            execution_id, execution = str(one.id), None
            requests = self._known.of(execution_id)
            if requests is None:
                read += 1
                execution = await self._readable(execution_id)
                requests = None if execution is None else requests_of(execution)
                if requests is not None:
                    self._known.keep(execution_id, requests)
            if requests is not None and (self._session, self._run_id) not in requests:
                continue
            decided = False
            if requests is not None:
                execution = execution or await self._readable(execution_id)
                if execution is not None:
                    return execution, read
        return "never_began" if decided and await self._keeps_all() else "undecided", read

    def _distance(self, one: ListedExecution) -> float:
        """Seconds between the call and its begin: a run's own execution is most often the nearest."""
        return 0.0 if one.began is None else abs(one.began - self._called_at)

    async def _listed(self, status: str | None) -> tuple[list[ListedExecution], bool]:
        """The executions since the call, and whether these are all."""
        found: list[ListedExecution] = []
        cursor: str | None = None
        for _ in range(PAGES):
            asked = asyncio.get_running_loop().time()
            page = await self._api.page(self._workflow, status=status, cursor=cursor)
            self.answered_in = max(self.answered_in, asyncio.get_running_loop().time() - asked)
            recent = [one for one in page.data if not one.began_before(self._called_at - SKEW)]
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


__all__ = ["KNOWN", "PAGES", "PASSES", "SKEW", "ExecutionSearch", "Finding", "KnownRequests"]
