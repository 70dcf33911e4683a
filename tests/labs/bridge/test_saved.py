"""n8n's executions as its database has them: shapes that were captured from n8n 2.41."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .plan import CHATS, answer_to
from .saved import execution_of, saved_executions, unflattened
from .workflows import TRIGGER, lab_copies, workflow_of

REQUEST = {"action": "sendMessage", "sessionId": "s", "chatInput": "m7 xx", "metadata": {"umbral_run": "r-7"}}
# Of one that ran when it was read: the request is in the first item of the stack.
RUNNING = (
    '[{"version":1,"startData":"1","resultData":"2","executionData":"3"},{},{"runData":"4","metadata":"5"},'
    '{"contextData":"6","nodeExecutionStack":"7"},{},{"input_chat":"8"},{},["9"],"m7 xx",'
    '{"node":"10","data":"11","source":null},{"name":"12"},{"main":"13"},"Chat",["14"],["15"],{"json":"16"},'
    '{"action":"17","sessionId":"18","chatInput":"8","metadata":"19"},"sendMessage","s",{"umbral_run":"20"},"r-7"]'
)


def flattened(value: Any) -> str:
    """As npm's `flatted` writes it, without finding what is twice."""
    values: list[Any] = []

    def place(each: Any) -> str:
        values.append(None)
        number = len(values) - 1
        if isinstance(each, dict):
            values[number] = {name: shown(one) for name, one in each.items()}
        elif isinstance(each, list):
            values[number] = [shown(one) for one in each]
        else:
            values[number] = each
        return str(number)

    def shown(each: Any) -> Any:
        return place(each) if isinstance(each, dict | list | str) else each

    place(value)
    return json.dumps(values)


def ran(item: dict[str, Any]) -> dict[str, Any]:
    """What the trigger's node has, once it has run."""
    return {TRIGGER: [{"data": {"main": [[{"json": item}]]}}]}


def of(data: str | None, status: str = "success") -> tuple[str, str]:
    found = execution_of(3, "workflow-whole", status, "2026-11-30 11:24:29.665", data, 7.5)
    assert (found.id, found.workflow, found.status, found.lasted) == (3, "workflow-whole", status, 7.5)
    return found.key, found.run_id


def test_flatted_values_are_read_and_may_contain_themselves() -> None:
    value = {"a": ["text", 1, None, True, {"b": "text"}], "c": "2"}
    assert unflattened(flattened(value)) == value
    ring = unflattened('[{"self":"0"}]')
    assert ring["self"] is ring


def test_one_that_ran_has_its_request_on_its_stack() -> None:
    assert of(RUNNING, "running") == ("m7", "r-7")


def test_one_that_ended_has_its_request_in_its_triggers_data() -> None:
    assert of(flattened({"resultData": {"runData": ran(REQUEST)}})) == ("m7", "r-7")


def test_one_that_crashed_has_an_item_of_n8ns_own_in_front_of_its_request() -> None:
    stack = [{"data": {"main": [[{"json": REQUEST}]]}}]
    artificial = ran({"isArtificialRecoveredEventItem": True})
    data = {"resultData": {"runData": artificial}, "executionData": {"nodeExecutionStack": stack}}
    assert of(flattened(data), "crashed") == ("m7", "r-7")


@pytest.mark.parametrize("data", [None, flattened({}), flattened({"resultData": {"runData": {"Chat": [{}]}}})])
def test_one_without_a_request_is_named_after_its_number(data: str | None) -> None:
    assert of(data) == ("of execution 3", "of execution 3")


def test_they_are_read_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "database.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("""
            create table execution_entity
              (id integer, "workflowId" text, status text, "createdAt" text, "stoppedAt" text);
            create table execution_data ("executionId" integer, data text);
            insert into execution_entity values
              (2, 'b', 'new', '2026-11-30 11:24:41.000', null),
              (1, 'a', 'success', '2026-11-30 11:24:29.500', '2026-11-30 11:24:30.750');
        """)
        database.execute("insert into execution_data values (1, ?)", (RUNNING,))
        database.commit()
    found = saved_executions(path)
    assert [(one.id, one.key, one.status, round(one.lasted, 2)) for one in found] == [
        (1, "m7", "success", 1.25),
        (2, "of execution 2", "new", 0.0),
    ]


@pytest.mark.parametrize("chat", CHATS)
def test_a_workflow_answers_as_the_plan_wants_it(chat: Any) -> None:
    made = workflow_of(chat)
    trigger, work, *others = made["nodes"]
    assert trigger["parameters"]["options"]["responseMode"] == ("streaming" if chat.streams else "lastNode")
    assert repr(answer_to("KEY")) in work["parameters"]["jsCode"]
    assert [node["name"] for node in others] == (["Agent", "Model"] if chat.streams else [])
    assert [one.path for one in lab_copies()] == [f"/webhook/{each.workflow}/chat" for each in CHATS]
