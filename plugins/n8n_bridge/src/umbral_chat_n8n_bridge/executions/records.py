"""What n8n's public API says of an execution: what began it, so whose it is, and what it answered. Pure.

Source: n8n 2.41, captured. With its data an execution has the whole request in the item of its trigger, `metadata`
included, and with it our run id. Until n8n saves its trigger as run, the request is in the first item that is to be
worked on: of one that runs, and of one that crashed, whose trigger then has an item of n8n's own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from umbral_chat_n8n_bridge.answers.whole import shown_text
from umbral_chat_n8n_bridge.chats import RUN_MARK

ENDED = frozenset({"success", "error", "canceled", "crashed"})
"""Statuses of executions that are over."""

_TRIGGERS = (".chatTrigger", ".webhook")

_NOT_BY_WEBHOOK = frozenset({"manual", "error", "evaluation", "integrated"})
"""Modes of executions that no call of a webhook began."""


class ListedExecution(msgspec.Struct, frozen=True):
    """One execution as the list shows it."""

    id: str | int
    status: str = "unknown"
    mode: str = ""
    started_at: str | None = msgspec.field(name="startedAt", default=None)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in ENDED

    @property
    def began(self) -> float | None:
        """When it began, in Unix seconds; None: it has no time yet."""
        try:
            at = datetime.fromisoformat(self.started_at or "")
        except ValueError:
            return None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()

    def began_before(self, moment: float) -> bool:
        """Whether it began before `moment`, in Unix seconds; one that has no time yet did not."""
        return (began := self.began) is not None and began < moment


class ExecutionPage(msgspec.Struct, frozen=True):
    """A page of the list, the newest first."""

    data: list[ListedExecution]
    cursor: str | None = msgspec.field(name="nextCursor", default=None)


class TriggerRequest(NamedTuple):
    """As far as it says whose it is. It never changes."""

    session: str
    run_id: str | None


def requests_of(execution: dict[str, Any]) -> tuple[TriggerRequest, ...] | None:
    """What began an execution with its data: one request, or none where no webhook was called. None: its trigger's item
    is not there, or not whole: n8n may have redacted it, or found it too large to show."""
    items = [_first_item(execution, node) for node in _triggers(execution)] + _waiting_at_a_trigger(execution)
    requests = tuple(found for item in items if (found := _request(item)))
    return requests if requests or execution.get("mode") in _NOT_BY_WEBHOOK else None


def answer_of(execution: dict[str, Any]) -> str | None:
    """The text that an execution which succeeded answered; None: it cannot be had from its data. That of the last
    node is the answer, where the trigger answers with it; of a stream it is what an agent's node has as `output`."""
    result = _result(execution)
    item = _item(_runs(execution, result.get("lastNodeExecuted"))[-1:])
    modes = [_response_mode(node) for node in _trigger_nodes(execution)]
    if item is None or not modes:
        return None
    if all(mode in {None, "lastNode"} for mode in modes):
        return shown_text(item).strip() or None
    output = item.get("output")
    return output if modes == ["streaming"] and isinstance(output, str) and output.strip() else None


def saves_all(workflow: dict[str, Any], *, by_default: bool) -> bool:
    """Whether n8n keeps every execution of a workflow that ended, by the workflow's settings; `by_default`: whether
    n8n does where these leave it open."""
    settings = workflow.get("settings")
    found = settings if isinstance(settings, dict) else {}
    values = [found.get(name, "DEFAULT") for name in ("saveDataSuccessExecution", "saveDataErrorExecution")]
    return all(value == "all" or (value == "DEFAULT" and by_default) for value in values)


def _waiting_at_a_trigger(execution: dict[str, Any]) -> list[dict[str, Any] | None]:
    """The first item of each trigger that n8n has saved as still to be run."""
    data = execution.get("data")
    state = data.get("executionData") if isinstance(data, dict) else None
    stack = state.get("nodeExecutionStack") if isinstance(state, dict) else None
    return [
        _item([entry])
        for entry in (stack if isinstance(stack, list) else [])
        if isinstance(entry, dict)
        and isinstance(node := entry.get("node"), dict)
        and str(node.get("type", "")).endswith(_TRIGGERS)
    ]


def _result(execution: dict[str, Any]) -> dict[str, Any]:
    data = execution.get("data")
    result = data.get("resultData") if isinstance(data, dict) else None
    return result if isinstance(result, dict) else {}


def _runs(execution: dict[str, Any], node: Any) -> list[Any]:
    run_data = _result(execution).get("runData")
    runs = run_data.get(node) if isinstance(run_data, dict) and isinstance(node, str) else None
    return runs if isinstance(runs, list) else []


def _trigger_nodes(execution: dict[str, Any]) -> list[dict[str, Any]]:
    """The triggers that began it: nodes that ran."""
    workflow = execution.get("workflowData")
    nodes = workflow.get("nodes") if isinstance(workflow, dict) else None
    return [
        node
        for node in (nodes if isinstance(nodes, list) else [])
        if isinstance(node, dict)
        and str(node.get("type", "")).endswith(_TRIGGERS)
        and _runs(execution, node.get("name"))
    ]


def _triggers(execution: dict[str, Any]) -> list[str]:
    return [str(node["name"]) for node in _trigger_nodes(execution)]


def _response_mode(node: dict[str, Any]) -> Any:
    parameters = node.get("parameters")
    if not isinstance(parameters, dict):
        return None
    options = parameters.get("options")
    of_chat = options.get("responseMode") if isinstance(options, dict) else None
    return of_chat if str(node.get("type", "")).endswith(".chatTrigger") else parameters.get("responseMode", "none")


def _first_item(execution: dict[str, Any], node: str) -> dict[str, Any] | None:
    return _item(_runs(execution, node)[:1])


def _item(runs: list[Any]) -> dict[str, Any] | None:
    """The JSON of the first item that a node passed on."""
    try:
        found = runs[0]["data"]["main"][0][0]["json"]
    except (KeyError, IndexError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _request(item: dict[str, Any] | None) -> TriggerRequest | None:
    """The request that a trigger passed on: itself, or in `body`, as a Webhook node has it."""
    if item is None:
        return None
    body = item if "sessionId" in item else item.get("body")
    session = body.get("sessionId") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(session, str):
        return None
    metadata = body.get("metadata")
    if isinstance(metadata, str):  # of a request with files, which is a form
        try:
            metadata = msgspec.json.decode(metadata)
        except (msgspec.DecodeError, RecursionError):
            metadata = None
    run_id = metadata.get(RUN_MARK) if isinstance(metadata, dict) else None
    return TriggerRequest(session, run_id if isinstance(run_id, str) else None)


__all__ = ["ENDED", "ExecutionPage", "ListedExecution", "TriggerRequest", "answer_of", "requests_of", "saves_all"]
