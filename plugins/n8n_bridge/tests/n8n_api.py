"""A double of n8n's public API for executions, by what 2.41 answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "n8n-api-key-for-tests-0001"
WORKFLOW = "wf1"
TRIGGER = "When chat message received"


def execution(
    number: int, request: dict[str, Any] | None, answer: dict[str, Any] | None = None, *, status: str = "success"
) -> dict[str, Any]:
    """One of a workflow that answers with its last node; `request` None: its data cannot be read."""
    run_data: dict[str, Any] = {}
    if request is not None:
        run_data[TRIGGER] = [{"data": {"main": [[{"json": request}]]}, "source": []}]
    if answer is not None:
        run_data["Answer"] = [{"data": {"main": [[{"json": answer}]]}, "source": [{"previousNode": TRIGGER}]}]
    trigger = {"name": TRIGGER, "type": "@n8n/n8n-nodes-langchain.chatTrigger", "parameters": {"options": {}}}
    return {
        "id": str(number),
        "status": status,
        "mode": "webhook",
        "startedAt": (datetime.now(UTC) + timedelta(milliseconds=number)).isoformat().replace("+00:00", "Z"),
        "data": {"resultData": {"runData": run_data, "lastNodeExecuted": "Answer"}},
        "workflowData": {"nodes": [trigger]},
    }


def unfinished(number: int, request: dict[str, Any] | None, *, status: str) -> dict[str, Any]:
    """One that runs, or that n8n found when it was started again: what it began with is the first thing to be worked
    on, and of a node that had run before a crash n8n has an item of its own."""
    made = execution(number, None, status=status)
    trigger = made["workflowData"]["nodes"][0]
    first = {"node": trigger, "data": {"main": [[{"json": request}]]}, "source": None}
    data = made["data"]
    data["executionData"] = {"nodeExecutionStack": [] if request is None else [first]}
    if status == "crashed":
        item = {"json": {"isArtificialRecoveredEventItem": True}}
        data["resultData"]["runData"] = {TRIGGER: [{"data": {"main": [[item]]}, "source": [None]}]}
    return made


@dataclass
class ExecutionsDouble:
    """The executions of `WORKFLOW`, and what was asked."""

    executions: list[dict[str, Any]] = field(default_factory=list)
    workflow: dict[str, Any] = field(
        default_factory=lambda: {
            "id": WORKFLOW,
            "settings": {"saveDataSuccessExecution": "all", "saveDataErrorExecution": "all"},
        }
    )
    stopped: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    down: bool = False

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        """Status and body."""
        self.asked.append(f"{method} {path}")
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        words = parts.path.removeprefix("/api/v1/").split("/")
        if self.down:
            return 503, {"message": "n8n is starting up"}
        if headers.get("x-n8n-api-key") != KEY:
            return 401, {"message": "unauthorized"}
        match method, words:
            case "GET", ["workflows", name]:
                return (200, self.workflow) if name == WORKFLOW else (404, {"message": "Not Found"})
            case "GET", ["executions"]:
                return 200, self._page(query)
            case "GET", ["executions", number]:
                found = self._of(number)
                if found is None:
                    return 404, {"message": "Not Found"}
                return 200, found if query["includeData"] == "true" else {**found, "data": None}
            case "POST", ["executions", number, "stop"]:
                found = self._of(number)
                if found is None:
                    return 404, {"message": "Not Found"}
                if found["status"] not in {"running", "waiting", "new"}:
                    return 409, {"message": "over"}
                found["status"] = "canceled"
                self.stopped.append(number)
                return 200, {"status": "canceled"}
            case _:
                return 404, {"message": "not found"}

    def _of(self, number: str) -> dict[str, Any] | None:
        return next((one for one in self.executions if one["id"] == number), None)

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        if query["workflowId"] != WORKFLOW:
            return {"data": [], "nextCursor": None}
        wanted = query.get("status")
        listed = [
            {name: value for name, value in one.items() if name not in {"data", "workflowData"}}
            for one in reversed(self.executions)
            if (one["status"] == wanted if wanted else one["status"] != "running")
        ]
        at, limit = int(query.get("cursor", 0)), int(query["limit"])
        cursor = str(at + limit) if len(listed) > at + limit else None
        return {"data": listed[at : at + limit], "nextCursor": cursor}


__all__ = ["KEY", "TRIGGER", "WORKFLOW", "ExecutionsDouble", "execution", "unfinished"]
