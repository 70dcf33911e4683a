"""answer-unless-agent.json in a real n8n: it answers exactly when no human agent is present."""

import time

from n8n.e2e.harness.faults import Network
from n8n.e2e.harness.stage import Stage
from n8n.e2e.harness.web import Answer

ANNA = {"role": "agent", "id": "anna", "name": "Anna"}
LIMIT = 30.0


def ask(stage: Stage, conversation: str, message: str = "Hello") -> Answer:
    fields = {"conversation": conversation, "message": message}
    return stage.n8n.webhook(stage.setups.unless_agent, fields, key=stage.service.key)


def join(stage: Stage, conversation: str, **fields: object) -> None:
    answer = stage.service.call("PUT", f"{conversation}/presence", {"sender": ANNA, **fields})
    assert answer.status == 200, answer


def until_no_agent(stage: Stage, conversation: str) -> None:
    end = time.monotonic() + LIMIT
    while stage.service.present(conversation)["agent"]:
        assert time.monotonic() < end, "the agent is still here"
        time.sleep(0.1)


def test_without_an_agent_it_answers(stage: Stage, network: Network) -> None:
    answer = ask(stage, "alone")
    assert (answer.status, answer.body) == (200, {"answered": True, "agents": 0, "answer": "You said: Hello"})
    assert stage.service.messages("alone") == [("user", "Hello"), ("assistant", "You said: Hello")]
    assert stage.n8n.last_run(stage.setups.unless_agent) == "success"
    assert network.seen == 3, "question, presence, answer"


def test_while_an_agent_is_present_it_stays_silent_and_answers_when_the_agent_left(stage: Stage) -> None:
    join(stage, "attended", device="phone")
    join(stage, "attended", device="desk", status="away")
    answer = ask(stage, "attended", "Anybody there?")
    assert (answer.status, answer.body) == (200, {"answered": False, "agents": 1, "answer": None})
    assert stage.service.messages("attended") == [("user", "Anybody there?")]
    assert stage.n8n.last_run(stage.setups.unless_agent) == "success"

    for device in ("phone", "desk"):
        stage.service.call("DELETE", f"attended/presence?device={device}&role=agent&id=anna")
    until_no_agent(stage, "attended")
    assert ask(stage, "attended", "And now?").body["answered"] is True
    assert stage.service.messages("attended")[1:] == [("user", "And now?"), ("assistant", "You said: And now?")]


def test_an_agent_whose_presence_expired_is_not_waited_for(stage: Stage) -> None:
    join(stage, "crashed", ttl=5)
    until_no_agent(stage, "crashed")
    assert ask(stage, "crashed").body["answered"] is True


def test_a_visitor_who_is_present_is_no_agent(stage: Stage) -> None:
    sender = {"role": "user", "id": "visitor"}
    assert stage.service.call("PUT", "visited/presence", {"sender": sender}).status == 200
    assert stage.service.present("visited") == {"user": 1, "assistant": 0, "agent": 0, "system": 0}
    assert ask(stage, "visited").body["answered"] is True


def test_when_presence_cannot_be_read_the_question_is_kept_and_the_run_fails(stage: Stage, network: Network) -> None:
    network.breaks = "/presence"
    answer = ask(stage, "presence-unknown")
    assert answer.status == 502
    assert answer.body["error"]["code"] == "unreachable"
    assert stage.service.messages("presence-unknown") == [("user", "Hello")]
    assert stage.n8n.last_run(stage.setups.unless_agent) == "error"


def test_an_incomplete_call_stores_nothing(stage: Stage) -> None:
    answer = ask(stage, "incomplete-agent", "")
    assert (answer.status, answer.body["error"]["code"]) == (400, "invalid_request")
    assert stage.service.log("incomplete-agent") == []


def test_an_answer_without_text_is_replaced_by_the_configured_one(stage: Stage) -> None:
    fields = {"conversation": "odd", "message": "empty"}
    answer = stage.n8n.webhook(stage.setups.unless_agent_odd_answers, fields, key=stage.service.key)
    sorry = "Sorry, I have no answer to that."
    assert (answer.status, answer.body) == (200, {"answered": True, "agents": 0, "answer": sorry})
    assert stage.service.messages("odd")[1] == ("assistant", sorry)
