"""visitor-token.json in a real n8n: a page gets a token that opens its own conversation, to read, and nothing else."""

import urllib.request

import pytest

from n8n.e2e.harness.stage import Stage
from n8n.e2e.harness.web import Answer, call


def read(stage: Stage, token: str, conversation: str) -> Answer:
    path = f"/v1/conversations/{conversation}/events?after=0"
    return call(stage.service.port, "GET", path, authorization=f"Bearer {token}")


def test_the_token_opens_the_session_to_read(stage: Stage) -> None:
    stage.service.push("visited-with-a-token", "hello", role="assistant")
    answer = stage.n8n.webhook(stage.setups.visitor_token, {"session": "visited-with-a-token"}, key=None)
    assert (answer.status, answer.body.keys()) == (200, {"token", "expires_at"})
    token = answer.body["token"]
    assert [entry["content"] for entry in read(stage, token, "visited-with-a-token").body["entries"]] == ["hello"]
    assert read(stage, token, "another").status == 403
    path, body = "/v1/conversations/visited/messages", {"content": "as the visitor"}
    assert call(stage.service.port, "POST", path, body, authorization=f"Bearer {token}").status == 403


def test_a_page_of_another_origin_gets_it_with_a_form(stage: Stage) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own loopback URL
        f"{stage.n8n.url}{stage.setups.visitor_token.path}",
        b"session=from-a-form",
        {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://www.example.com"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own loopback URL
        assert answer.headers["access-control-allow-origin"] in {"*", "https://www.example.com"}
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("session", ["", "no conversation/s id"])
def test_a_session_that_is_none_gets_no_token(stage: Stage, session: str) -> None:
    answer = stage.n8n.webhook(stage.setups.visitor_token, {"session": session}, key=None)
    assert (answer.status, answer.body) == (502, {"error": "no token"})


def test_a_wrong_key_is_no_token_and_says_nothing_of_the_key(stage: Stage) -> None:
    answer = stage.n8n.webhook(stage.setups.visitor_token_wrong_key, {"session": "visited-with-a-token"}, key=None)
    assert (answer.status, answer.body) == (502, {"error": "no token"})
