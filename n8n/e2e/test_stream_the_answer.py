"""stream-the-answer.json in a real n8n: readers see what the assistant does and the answer grow, then the message."""

import threading
import time
from typing import Any

from n8n.e2e.harness.copies import Copy
from n8n.e2e.harness.stage import Stage
from n8n.e2e.harness.web import Answer

LIMIT = 60.0
MESSAGE = "one two three four five six seven eight"
ANSWER = f"You said: {MESSAGE}"


def watched(stage: Stage, copy: Copy, conversation: str) -> tuple[Answer, list[dict[str, Any]]]:
    """The Webhook's answer, and what polls showed until it came."""
    answers: list[Answer] = []

    def ask() -> None:
        fields = {"conversation": conversation, "message": MESSAGE}
        answers.append(stage.n8n.webhook(copy, fields, key=stage.service.key))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    polls = []
    while thread.is_alive():
        polls.append(stage.service.call("GET", f"{conversation}/events?after=0").body)
        time.sleep(0.05)
    thread.join(LIMIT)
    assert answers, "the webhook did not answer"
    return answers[0], polls


def test_the_answer_is_seen_while_it_grows_and_then_is_a_message(stage: Stage) -> None:
    answer, polls = watched(stage, stage.setups.stream, "growing")
    assert (answer.status, answer.body) == (200, {"answer": ANSWER})
    drafts = [poll["drafts"][0] for poll in polls if poll.get("drafts")]
    texts = [draft["text"] for draft in drafts]
    assert len(set(texts)) > 2, "it grows"
    assert all(ANSWER.startswith(text) for text in texts)
    labels = {run.get("label") for poll in polls for run in poll.get("runs", [])}
    assert "Looking it up" in labels
    log = stage.service.log("growing")
    assert [(entry["kind"], entry["content"]) for entry in log] == [("message", MESSAGE), ("message", ANSWER)]
    assert {draft["message_id"] for draft in drafts} == {log[1]["message_id"]}, "the message takes the draft's place"
    now = stage.service.call("GET", "growing/events?after=0").body
    assert not now.get("drafts")
    assert not now.get("runs")
    assert stage.n8n.last_run(stage.setups.stream) == "success"


def test_without_an_answer_readers_learn_that_none_comes(stage: Stage) -> None:
    answer, _ = watched(stage, stage.setups.stream_fails, "broken-stream")
    assert (answer.status, answer.body["error"]["code"]) == (502, "no_answer")
    question, run = stage.service.log("broken-stream")
    assert question["content"] == MESSAGE
    assert (run["kind"], run["outcome"], run["reason"]) == ("run", "failed", "workflow_failed")
    assert stage.n8n.last_run(stage.setups.stream_fails) == "error"


def test_a_call_that_is_repeated_with_its_client_id_is_stored_once(stage: Stage) -> None:
    fields = {"conversation": "stream-again", "message": "Hi", "client_id": "mine-1"}
    for _ in range(2):
        assert stage.n8n.webhook(stage.setups.stream, fields, key=stage.service.key).body == {"answer": "You said: Hi"}
    assert stage.service.messages("stream-again") == [("user", "Hi"), ("assistant", "You said: Hi")]
