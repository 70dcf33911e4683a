"""unseen-answer.json in a real n8n: who did not see an answer within a minute is notified, once, and nobody else is."""

import json
from datetime import UTC, datetime

from n8n.e2e.harness.signed import post, signed
from n8n.e2e.harness.stage import UNSEEN_AFTER, Stage
from n8n.e2e.harness.web import call

LIMIT = UNSEEN_AFTER + 120.0


def read(stage: Stage, conversation: str, subject: str, seq: int) -> None:
    """As the page of this member does."""
    body = {"conversation": conversation, "subject": subject, "rights": ["read"]}
    service = stage.service
    token = call(service.port, "POST", "/v1/tokens", body, authorization=f"Bearer {service.key}").body["token"]
    path = f"/v1/conversations/{conversation}/read"
    assert call(service.port, "POST", path, {"seq": seq}, authorization=f"Bearer {token}").status == 200


def test_a_member_who_did_not_see_the_answer_is_notified_once(stage: Stage) -> None:
    service = stage.service
    for name in ("unseen.one", "unseen.read"):
        room = {"id": name, "members": [{"subject": "ada", "name": "Ada"}]}
        assert (
            call(service.port, "POST", "/v1/conversations", room, authorization=f"Bearer {service.key}").status == 201
        )
        service.push(name, "It is on its way.", role="assistant")
    read(stage, "unseen.read", "ada", service.log("unseen.read")[-1]["seq"])

    note = ("system", "ada was notified of an unread answer.")
    assert service.until("internal:unseen.one", 1, LIMIT) == [note]
    service.push("unseen.one", "Still on its way.", role="assistant")
    assert stage.n8n.last_run(stage.setups.unseen) == "success"
    assert service.messages("internal:unseen.read") == [], "ada has read that one"
    assert service.messages("internal:unseen.one") == [note], "not for each message until ada has read"


def test_an_event_that_comes_again_notifies_once_and_a_forged_one_nobody(stage: Stage) -> None:
    entry = {"kind": "message", "seq": 1, "sender": {"role": "assistant"}, "content": "Here."}
    reader = {"subject": "bob", "role": "user", "name": None, "member": True}
    event = {"id": "evt_unseen", "type": "unread", "conversation": "unseen.bob", "cursor": "x.1", "entry": entry}
    event["reader"] = reader
    url = stage.n8n.url + stage.setups.unseen.path
    forged = signed(event, stage.webhook_secret, datetime.now(UTC))
    assert post(url, json.dumps(event).encode(), forged) == 401, "the secret of another subscription"
    for _ in range(2):
        assert post(url, json.dumps(event).encode(), signed(event, stage.unseen_secret, datetime.now(UTC))) == 204
        assert stage.n8n.last_run(stage.setups.unseen) == "success"
    assert stage.service.messages("internal:unseen.bob") == [("system", "bob was notified of an unread answer.")]
