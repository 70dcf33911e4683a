"""Work that fails in typing-while-working.json: with the error branch that is shipped, and without it."""

from typing import Any

from n8n.e2e.harness.copies import node_of, settings

WORK = "Work (your slow nodes go here)"
TYPING_SECONDS = 6
"""After which typing ends that nobody takes back."""


def fail_at_work(workflow: dict[str, Any]) -> None:
    """The work takes its time, and then fails."""
    settings(work_seconds=8)(workflow)
    code = node_of(workflow, WORK)["parameters"]
    code["jsCode"] = code["jsCode"].partition("return")[0] + "throw new Error('as it was told');"


def fail_unhandled(workflow: dict[str, Any]) -> None:
    """It fails, and nothing is connected that says so: as when n8n dies, nobody takes the typing back."""
    fail_at_work(workflow)
    settings(work_seconds=0, typing_seconds=TYPING_SECONDS)(workflow)
    del node_of(workflow, WORK)["onError"]
    workflow["connections"][WORK]["main"].pop()
