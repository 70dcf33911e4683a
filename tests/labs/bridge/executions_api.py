"""n8n's public API for executions, as the captures of n8n 2.41 have it: the list, one execution, a workflow's settings.

Pure but for the journal. An execution that runs is only listed by its status. Of one that ended the trigger's item has
the whole request, and the last node's the answer. Until then the request is in the first item that is to be worked on,
where it stays when the execution crashes; its trigger then has an item of n8n's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from .journal import Execution, Journal

TRIGGER, LAST = "When chat message received", "Answer"

KEY = "bridge-lab-key-for-n8n-0123456789"


def answer_api(journal: Journal, streams: dict[str, bool], target: str, key: str | None) -> tuple[int, Any]:
    """Status and body of a GET. `streams`: by workflow, whether it streams its answer."""
    if key != KEY:
        return 401, {"message": "unauthorized"}
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    match parts.path.removeprefix("/api/v1/").split("/"):
        case ["workflows", name] if name in streams:
            settings = {"saveDataSuccessExecution": "all", "saveDataErrorExecution": "all"}
            return 200, {"id": name, "nodes": [_trigger(streams=streams[name])], "settings": settings}
        case ["executions"]:
            return 200, _page(journal, query)
        case ["executions", number]:
            found = next((one for one in journal.executions() if str(one.id) == number), None)
            if found is None:
                return 404, {"message": "Not Found"}
            shown = _listed(found)
            if query.get("includeData") == "true":
                mode = streams[found.workflow]
                shown |= {"data": _data(found, streams=mode), "workflowData": {"nodes": [_trigger(streams=mode)]}}
            return 200, shown
        case _:
            return 404, {"message": "not found"}


def _page(journal: Journal, query: dict[str, str]) -> dict[str, Any]:
    wanted = query.get("status")
    listed = [
        _listed(one)
        for one in reversed(journal.executions(query["workflowId"]))
        if (one.status == wanted if wanted else one.status != "running")
    ]
    at, limit = int(query.get("cursor", 0)), int(query.get("limit", 100))
    cursor = str(at + limit) if len(listed) > at + limit else None
    return {"data": listed[at : at + limit], "nextCursor": cursor}


def _listed(one: Execution) -> dict[str, Any]:
    return {"id": str(one.id), "status": one.status, "mode": "webhook", "startedAt": one.started_at}


def _data(one: Execution, *, streams: bool) -> dict[str, Any]:
    if not one.ended:
        first = {"node": _trigger(streams=streams), "data": _item(one.request), "source": None}
        artificial = {TRIGGER: [{"data": _item({"isArtificialRecoveredEventItem": True}), "source": [None]}]}
        run_data: dict[str, Any] = artificial if one.status == "crashed" else {}
        return {"resultData": {"runData": run_data}, "executionData": {"nodeExecutionStack": [first]}}
    run_data = {TRIGGER: [{"data": _item(one.request)}]}
    if one.answer is not None:
        run_data[LAST] = [{"data": _item({"output": one.answer}), "source": [{"previousNode": TRIGGER}]}]
    result = {"runData": run_data, "lastNodeExecuted": LAST}
    return {"resultData": result, "executionData": {"nodeExecutionStack": []}}


def _item(json: dict[str, Any]) -> dict[str, Any]:
    return {"main": [[{"json": json}]]}


def _trigger(*, streams: bool) -> dict[str, Any]:
    options = {"responseMode": "streaming" if streams else "lastNode"}
    return {"name": TRIGGER, "type": "@n8n/n8n-nodes-langchain.chatTrigger", "parameters": {"options": options}}


__all__ = ["KEY", "LAST", "TRIGGER", "answer_api"]
