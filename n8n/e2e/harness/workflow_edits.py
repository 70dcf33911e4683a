"""What an operator changes in a shipped workflow: files allowed, odd answers, work that fails or returns nothing."""

from typing import Any

from n8n.e2e.harness.agent import PLACEHOLDER
from n8n.e2e.harness.copies import node_of, settings

WORK = "Work (your slow nodes go here)"
PARTS = "Answer in parts (yours go here)"
TYPING_SECONDS = 6
"""Time to live of the typing signal in a workflow that never ends it."""

ODD_ANSWERS = (
    "{ empty: { output: '' }, blank: { output: ' \\n' }, none: { output: null }, missing: {}, "
    "json: { output: { a: [1] } } }"
)
"""By the question: the item that the node returns."""


def fail_at_work(workflow: dict[str, Any]) -> None:
    """The work fails after 8 s."""
    settings(work_seconds=8)(workflow)
    code = node_of(workflow, WORK)["parameters"]
    code["jsCode"] = code["jsCode"].partition("return")[0] + "throw new Error('as intended');"


def fail_unhandled(workflow: dict[str, Any]) -> None:
    """The work fails without an error branch, so that nothing ends the typing: as when n8n dies."""
    fail_at_work(workflow)
    settings(work_seconds=0, typing_seconds=TYPING_SECONDS)(workflow)
    del node_of(workflow, WORK)["onError"]
    workflow["connections"][WORK]["main"].pop()


def answer_oddly(workflow: dict[str, Any]) -> None:
    """The answering node returns what `ODD_ANSWERS` has for the question."""
    node = node_of(workflow, PLACEHOLDER)
    node |= {"type": "n8n-nodes-base.code", "typeVersion": 2}
    node["parameters"] = {
        "jsCode": f"return [{{ json: ({ODD_ANSWERS})[$('Settings').first().json.{_question_field(workflow)}] }}];"
    }


def take_files(workflow: dict[str, Any]) -> None:
    """Visitors may send files."""
    node_of(workflow, "When chat message received")["parameters"]["options"]["allowFileUploads"] = True


def work_without_answer(workflow: dict[str, Any]) -> None:
    """The work ends at once with an empty answer."""
    node_of(workflow, WORK)["parameters"]["jsCode"] = "return [{ json: { output: '' } }];"


def every_two_seconds(workflow: dict[str, Any]) -> None:
    """Reminders without patience, and only in conversations whose id has `reminded`."""
    settings(silent_hours=0, search="reminded")(workflow)
    interval = {"field": "seconds", "secondsInterval": 2}
    node_of(workflow, "Every morning")["parameters"] = {"rule": {"interval": [interval]}}


def fail_at_parts(workflow: dict[str, Any]) -> None:
    """The node that makes the answer fails."""
    node_of(workflow, PARTS)["parameters"]["jsCode"] = "throw new Error('as intended');"


def _question_field(workflow: dict[str, Any]) -> str:
    """The field of the node *Settings* that has the visitor's text."""
    names = {one["name"] for one in node_of(workflow, "Settings")["parameters"]["assignments"]["assignments"]}
    return "question" if "question" in names else "message"
