"""The workflows are laid out so that a person can follow them: no line crosses a node or another line."""

from collections.abc import Callable
from typing import Any

import pytest

from n8n.e2e.harness.copies import WORKFLOWS, load, node_of
from n8n.e2e.harness.layout import faults
from tests.docs.pages import ROOT

FILES = sorted(path.name for path in WORKFLOWS.glob("*.json"))


@pytest.mark.parametrize("file", FILES)
def test_no_line_crosses_a_node_or_another_line(file: str) -> None:
    assert faults(load(file)) == []


@pytest.mark.parametrize("file", FILES)
def test_it_has_notes_and_the_first_says_how_to_set_it_up(file: str) -> None:
    notes = [node for node in load(file)["nodes"] if node["type"].endswith(".stickyNote")]
    assert len(notes) >= 2
    assert min(notes, key=lambda note: note["position"][0])["parameters"]["content"].startswith("## ")


@pytest.mark.parametrize("file", FILES)
def test_its_picture_is_small_and_shown_in_the_guide_or_the_readme(file: str) -> None:
    name = f"docs/images/n8n/{file.removesuffix('.json')}.jpg"
    assert 10_000 < (ROOT / name).stat().st_size <= 150_000
    guide, readme = ((ROOT / page).read_text() for page in ("docs/how-to/n8n.md", "n8n/README.md"))
    assert f"](../{name.removeprefix('docs/')})" in guide or f"](../{name})" in readme


def place(name: str, x: int, y: int) -> Callable[[dict[str, Any]], None]:
    def edit(workflow: dict[str, Any]) -> None:
        node_of(workflow, name)["position"] = [x, y]

    return edit


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (place("Question", 720, 40), "Store the question covers Question"),
        (place("Settings", -240, 0), "When chat message received → Settings leads back"),
        (place("Ask again", 720, -220), "crosses"),
        (place("Note: AI Agent", 1100, -400), "Note: the question covers Note: AI Agent"),
        (place("Question", 1560, 200), "leads back"),
    ],
)
def test_what_a_person_could_not_follow_is_found(edit: Callable[[dict[str, Any]], None], fault: str) -> None:
    workflow = load("simple-chat.json")
    edit(workflow)
    assert any(fault in found for found in faults(workflow))


def test_a_line_through_a_node_is_found() -> None:
    workflow = load("simple-chat.json")
    node_of(workflow, "Store the question")["position"] = [720, -400]
    workflow["connections"]["Settings"]["main"][0].append({"node": "Back to the chat", "type": "main", "index": 0})
    assert any(found.startswith("Settings → Back to the chat crosses ") for found in faults(workflow))
