"""scheduled-push.json in a real n8n: whom it reminds, and that it reminds once. Here it runs every two seconds."""

import time

from n8n.e2e.harness.stage import Stage

LIMIT = 60.0
REMINDER = ("assistant", "Is there anything else that I can do for you?")


def after_runs(stage: Stage, count: int) -> None:
    """Wait for so many further successful runs."""
    wanted = stage.n8n.runs(stage.setups.scheduled, "success") + count
    end = time.monotonic() + LIMIT
    while stage.n8n.runs(stage.setups.scheduled, "success") < wanted:
        assert time.monotonic() < end, f"{stage.n8n.last_run(stage.setups.scheduled)}: not so many runs"
        time.sleep(0.1)


def test_a_visitor_who_got_an_answer_is_reminded_once(stage: Stage) -> None:
    stage.service.push("a-reminded-visitor", "Where is it?", role="user")
    after_runs(stage, 2)
    assert stage.service.messages("a-reminded-visitor") == [("user", "Where is it?")], "nobody has answered yet"

    stage.service.push("a-reminded-visitor", "On its way.", role="agent")
    assert stage.service.until("a-reminded-visitor", 3)[2] == REMINDER
    after_runs(stage, 2)
    assert len(stage.service.messages("a-reminded-visitor")) == 3

    stage.service.push("a-reminded-visitor", "Thank you.", role="user")
    stage.service.push("a-reminded-visitor", "You're welcome.", role="assistant")
    assert stage.service.until("a-reminded-visitor", 6)[5] == REMINDER


def test_a_closed_conversation_is_left_alone(stage: Stage) -> None:
    stage.service.push("closed-reminded", "Bye.", role="user")
    assert stage.service.call("PATCH", "closed-reminded", {"status": "closed"}).status == 200
    stage.service.push("closed-reminded", "Bye.", role="agent")
    after_runs(stage, 2)
    assert REMINDER not in stage.service.messages("closed-reminded")
