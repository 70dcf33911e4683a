"""started-by-the-trigger.json in a real n8n with the community package: it answers where the assistant is to answer."""

import time

from n8n.e2e.harness.fresh import Fresh

LIMIT = 60.0


def test_a_message_is_answered(fresh: Fresh) -> None:
    fresh.subscribed()
    fresh.service.push("shipped.one", "Hello", role="user")
    assert fresh.service.until("shipped.one", 2) == [("user", "Hello"), ("assistant", "You said: Hello")]
    assert fresh.n8n.last_run(fresh.shipped) == "success"
    assert fresh.service.typing("shipped.one") == [], "the answer ends the typing"


def test_where_a_human_took_over_it_is_silent_until_it_is_handed_back(fresh: Fresh) -> None:
    fresh.subscribed()
    fresh.service.push("shipped.human", "I am Anna.", role="agent")
    assert fresh.service.call("PATCH", "shipped.human", {"responder": "human"}).status == 200
    before = fresh.n8n.runs(fresh.shipped, "success")
    fresh.service.push("shipped.human", "Hello Anna", role="user")
    end = time.monotonic() + LIMIT
    while fresh.n8n.runs(fresh.shipped, "success") == before:
        assert time.monotonic() < end, "it was not started"
        time.sleep(0.1)
    assert [role for role, _ in fresh.service.messages("shipped.human")] == ["agent", "user"]

    assert fresh.service.call("PATCH", "shipped.human", {"responder": "assistant"}).status == 200
    fresh.service.push("shipped.human", "Are you there?", role="user")
    assert fresh.service.until("shipped.human", 4)[3] == ("assistant", "You said: Are you there?")
