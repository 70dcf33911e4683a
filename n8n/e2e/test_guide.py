"""docs/how-to/n8n.md: each of its snippets is an expression that n8n takes, and does what the page says."""

from n8n.e2e.harness.guide import snippets
from n8n.e2e.harness.stage import Stage

TEXT = 'He said: "where {{ is }} it?"\n\\'


def test_every_snippet_does_what_the_guide_says(stage: Stage) -> None:
    answer = stage.n8n.webhook(stage.setups.guide, {"session": "guided", "text": TEXT}, key=None)
    assert answer.status == 200, answer
    found = list(answer.body.values())
    assert len(found) == len(snippets()) >= 12
    assert stage.service.messages("guided") == [
        ("user", TEXT),
        ("assistant", "It is on its way."),
        ("assistant", "It is on its way."),
    ]
    kinds = [entry["kind"] for entry in stage.service.log("guided")]
    assert kinds == ["message"] * 3 + ["update"], "no entry of a run: it has left a message"
    assert found[-1][0]["responder"] == "human"
    transcript = next(items for name, items in answer.body.items() if "transcript" in name)
    assert transcript[0] == {"role": "user", "content": TEXT}
    assert stage.n8n.last_run(stage.setups.guide) == "success"


def test_two_braces_at_the_end_of_an_object_close_the_expression(stage: Stage) -> None:
    """What the guide warns of."""
    answer = stage.n8n.webhook(stage.setups.guide_trap, {"session": "trapped", "text": TEXT}, key=None)
    assert answer.status == 500
    assert stage.n8n.last_run(stage.setups.guide_trap) == "error"
    assert stage.service.log("trapped") == []
