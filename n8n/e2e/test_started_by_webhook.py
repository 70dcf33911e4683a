"""started-by-webhook.json in a real n8n: Umbral Chat calls it, and nobody else can."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from n8n.e2e.harness.signed import post, signed
from n8n.e2e.harness.stage import Stage


def event(conversation: str, id_: str, content: str = "forged") -> dict[str, Any]:
    """As the service sends them, by what the workflow reads."""
    entry = {"kind": "message", "seq": 1, "sender": {"role": "user"}, "content": content}
    return {"id": id_, "type": "entry", "conversation": conversation, "cursor": "x.1", "entry": entry}


def send(stage: Stage, sent: dict[str, Any], headers: dict[str, str], body: bytes | None = None) -> int:
    """The status of the Webhook's answer."""
    return post(stage.n8n.url + stage.setups.by_webhook.path, body or json.dumps(sent).encode(), headers)


def test_a_message_starts_it_and_its_answer_is_in_the_log(stage: Stage) -> None:
    text = 'Wo ist "mein" Päckchen? 你好 {{ $json.x }}'
    stage.service.push("pushed.one", text, role="user")
    assert stage.service.until("pushed.one", 2) == [("user", text), ("assistant", f"You said: {text}")]
    assert stage.n8n.last_run(stage.setups.by_webhook) == "success"


def test_its_own_answers_and_messages_of_humans_start_nothing(stage: Stage) -> None:
    stage.service.push("pushed.quiet", "From a human.", role="agent")
    stage.service.push("pushed.quiet", "And now?", role="user")
    stage.service.push("pushed.quiet", "again", role="user")
    found = stage.service.until("pushed.quiet", 5)
    assert sorted(text for role, text in found if role == "assistant") == ["You said: And now?", "You said: again"]


def test_a_deletion_is_accepted_and_starts_no_answer(stage: Stage) -> None:
    """Events of a deletion come with every filter, and without an entry."""
    sent = {**event("pushed.deleted", "evt_deleted"), "type": "deleted", "entry": None}
    assert send(stage, sent, signed(sent, stage.webhook_secret, datetime.now(UTC))) == 204
    assert stage.n8n.last_run(stage.setups.by_webhook) == "success"
    assert stage.service.log("pushed.deleted") == []


def test_an_event_that_comes_again_is_accepted_and_answered_once(stage: Stage) -> None:
    sent = event("pushed.repeated", "evt_repeated", "once")
    for _ in range(3):
        assert send(stage, sent, signed(sent, stage.webhook_secret, datetime.now(UTC))) == 204
        assert stage.n8n.last_run(stage.setups.by_webhook) == "success"
    assert stage.service.until("pushed.repeated", 1) == [("assistant", "You said: once")]


OTHER = "whsec_" + base64.b64encode(b"another key of another one").decode()


@pytest.mark.parametrize("fault", ["unsigned", "another secret", "another body", "another id", "old", "no time"])
def test_what_is_not_signed_now_by_the_service_is_refused(stage: Stage, fault: str) -> None:
    sent = event("pushed.forged", f"evt_forged_{fault.replace(' ', '_')}")
    now = datetime.now(UTC)
    secret = OTHER if fault == "another secret" else stage.webhook_secret
    headers = signed(sent, secret, now - timedelta(minutes=6) if fault == "old" else now)
    if fault == "unsigned":
        headers = {}
    if fault == "another id":
        headers["webhook-id"] = "evt_other"
    if fault == "no time":
        del headers["webhook-timestamp"]
    body = json.dumps({**sent, "conversation": "pushed.other"}).encode() if fault == "another body" else None
    assert send(stage, sent, headers, body) == 401
    assert stage.service.log("pushed.forged") == stage.service.log("pushed.other") == []
