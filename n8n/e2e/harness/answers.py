"""Answers that are no text, in the place of the node that answers."""

from typing import Any

from n8n.e2e.harness.agent import PLACEHOLDER
from n8n.e2e.harness.copies import node_of
from n8n.e2e.harness.work import WORK

ODD = (
    "{ empty: { output: '' }, blank: { output: ' \\n' }, none: { output: null }, missing: {}, "
    "json: { output: { a: [1] } } }"
)
"""By what was said: what the node gives."""


def answer_oddly(workflow: dict[str, Any]) -> None:
    """Answer as `ODD` has it."""
    node = node_of(workflow, PLACEHOLDER)
    node |= {"type": "n8n-nodes-base.code", "typeVersion": 2}
    node["parameters"] = {"jsCode": f"return [{{ json: ({ODD})[$('Settings').first().json.{_said(workflow)}] }}];"}


def take_files(workflow: dict[str, Any]) -> None:
    """The operator lets visitors send files."""
    node_of(workflow, "When chat message received")["parameters"]["options"]["allowFileUploads"] = True


def work_in_vain(workflow: dict[str, Any]) -> None:
    """The work ends at once, without a word."""
    node_of(workflow, WORK)["parameters"]["jsCode"] = "return [{ json: { output: '' } }];"


def _said(workflow: dict[str, Any]) -> str:
    names = {one["name"] for one in node_of(workflow, "Settings")["parameters"]["assignments"]["assignments"]}
    return "question" if "question" in names else "message"
