"""The action node as a tool of an AI Agent, whose model is a stand-in that calls what it is asked to call."""

import json

from n8n.e2e.harness.fresh import Fresh


def asked(fresh: Fresh, conversation: str, *calls: tuple[str, dict[str, str]]) -> str:
    """The agent's answer: what its tools returned."""
    body = fresh.run(fresh.agent, conversation=conversation, question=json.dumps(calls))
    output: str = body["output"]
    assert fresh.n8n.last_run(fresh.agent) == "success"
    return output


def test_an_agent_writes_to_the_visitor_and_learns_what_was_stored(fresh: Fresh) -> None:
    output = asked(fresh, "agent.writes", ("Write", {"content": "Your parcel is on its way."}))
    assert fresh.service.messages("agent.writes") == [("assistant", "Your parcel is on its way.")]
    assert fresh.service.log("agent.writes")[0]["message_id"] in output


def test_two_calls_in_one_execution_are_two_messages(fresh: Fresh) -> None:
    asked(fresh, "agent.twice", ("Write", {"content": "One moment."}), ("Write", {"content": "Here it is."}))
    assert sorted(fresh.service.messages("agent.twice")) == [("assistant", "Here it is."), ("assistant", "One moment.")]


def test_an_agent_hands_over_to_a_human(fresh: Fresh) -> None:
    fresh.service.push("agent.over", "I want a human.", role="user")
    asked(fresh, "agent.over", ("Hand_over", {}))
    assert fresh.service.call("GET", "agent.over").body["responder"] == "human"


def test_an_agent_is_shown_the_error_of_a_call(fresh: Fresh) -> None:
    output = asked(fresh, "agent.refused", ("Write", {"content": ""}))
    assert fresh.service.messages("agent.refused") == []
    assert "invalid" in output or "empty" in output or "content" in output
