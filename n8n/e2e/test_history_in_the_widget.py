"""history-in-the-widget.json in a real n8n: a page that is opened again gets the log as the widget reads it."""

from typing import Any

from n8n.e2e.harness.faults import Network
from n8n.e2e.harness.stage import Stage
from n8n.e2e.harness.web import call


def opened(stage: Stage, session: str) -> list[tuple[str, str]]:
    """What the widget shows when its page is opened: the class of each message by which it chooses a side, and the
    text."""
    body = {"action": "loadPreviousSession", "sessionId": session}
    answer = call(stage.n8n.port, "POST", stage.setups.history.path, body)
    assert answer.status == 200, answer
    data: list[dict[str, Any]] = answer.body["data"]
    return [(one["id"][-1], one["kwargs"]["content"]) for one in data]


def test_a_chat_has_its_history_when_its_page_is_opened_again(stage: Stage) -> None:
    assert opened(stage, "seen-again") == []
    assert stage.n8n.chat(stage.setups.history, "seen-again", "Hello").body == {"output": "You said: Hello"}
    assert stage.service.messages("seen-again") == [("user", "Hello"), ("assistant", "You said: Hello")]
    assert opened(stage, "seen-again") == [("HumanMessage", "Hello"), ("AIMessage", "You said: Hello")]
    assert stage.n8n.last_run(stage.setups.history) == "success"


def test_what_others_wrote_meanwhile_is_in_it_and_what_was_redacted_is_not(stage: Stage) -> None:
    stage.service.push("meanwhile", "a secret", role="user")
    message = stage.service.log("meanwhile")[0]["message_id"]
    assert stage.service.call("DELETE", f"meanwhile/messages/{message}").status == 200
    sender = {"role": "agent", "id": "anna", "name": "Anna"}
    stage.service.call("POST", "meanwhile/messages", {"content": "I am Anna.", "sender": sender})
    assert opened(stage, "meanwhile") == [("AIMessage", "**Anna:** I am Anna.")]


def test_a_service_that_cannot_be_reached_leaves_the_widget_without_history_and_working(
    stage: Stage, network: Network
) -> None:
    stage.service.push("unreachable-history", "kept", role="user")
    network.down_after = 0
    assert opened(stage, "unreachable-history") == []
    network.heal()
    assert opened(stage, "unreachable-history") == [("HumanMessage", "kept")]
