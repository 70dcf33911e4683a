"""Answers that are not streamed: what a whole body means, by its status. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from umbral_chat.settings import Secret

from umbral_chat_n8n_bridge.answers.events import Ended

ACCEPTED = {"message": "Workflow was started"}
"""The answer of a Webhook node that answers at once."""

STARTING = "n8n is starting up. Please wait"
"""What n8n answers to every request, with status 200, from when it listens until its database is migrated (n8n 2.41,
`abstract-server`)."""

_NEVER_BEGAN = {
    401: "not_authorized",
    403: "not_authorized",
    404: "webhook_not_found",
    # A chat user has to connect credentials first (n8n's Chat Trigger).
    428: "credentials_required",
    429: "rate_limited",
    # n8n that starts, or cannot check the above.
    503: "unavailable",
}


class SentRequest(NamedTuple):
    """What of the request n8n may answer with."""

    session: str
    text: str


class WholeAnswer(NamedTuple):
    """The text of an answer (empty: it has none), and how it ended."""

    text: str
    ended: Ended


def read_whole(status: int, body: bytes, sent: SentRequest) -> WholeAnswer:
    """The meaning of a body that is no stream."""
    text = body.decode("utf-8", "replace").strip()
    if not 200 <= status < 300:
        return WholeAnswer("", _of_status(status, text))
    if not text:
        return WholeAnswer("", Ended("silent", "empty"))
    if text == STARTING:
        return WholeAnswer("", Ended("never_began", "unavailable"))
    if is_page(text):
        return WholeAnswer("", Ended("unknown", "unexpected_answer"))
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return WholeAnswer(text, Ended("text", "answered"))  # a Respond to Webhook node may answer with plain text
    if isinstance(value, dict):
        ended = _without_text(value, sent)
        if ended is not None:
            return WholeAnswer("", ended)
    shown = shown_text(value)
    return WholeAnswer(shown, Ended("text", "answered")) if shown.strip() else WholeAnswer("", Ended("silent", "empty"))


def shown_text(value: Any) -> str:
    """The text that n8n's widget shows for a JSON answer: `output`, `text` or `message`, else the JSON itself."""
    if isinstance(value, dict):
        found = next((value[name] for name in ("output", "text", "message") if value.get(name) is not None), None)
        value = value if found is None else found
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def is_page(text: str) -> bool:
    """Whether this is a page of HTML, which a proxy answers with."""
    begin = text.lstrip()[:64].lower()
    return begin.startswith(("<!doctype", "<html"))


def _without_text(value: dict[str, Any], sent: SentRequest) -> Ended | None:
    if value.get("executionStarted") is True:
        execution, token = value.get("executionId"), value.get("resumeToken")
        return Ended(
            "silent",
            "started",
            execution if isinstance(execution, str) else None,
            Secret(token) if isinstance(token, str) else None,
        )
    if value == ACCEPTED:
        return Ended("silent", "accepted")
    echo = (value.get("action"), value.get("sessionId"), value.get("chatInput"))
    if echo == ("sendMessage", sent.session, sent.text):
        return Ended("silent", "echoed")
    return None


def _of_status(status: int, text: str) -> Ended:
    if status in _NEVER_BEGAN:
        return Ended("never_began", _NEVER_BEGAN[status])
    if 400 <= status < 500:
        return Ended("never_began", "refused")
    if status == 500 and not is_page(text):
        return Ended("failed", "workflow_failed")
    # A gateway's time-out among them: the execution may go on behind it.
    return Ended("unknown", "proxy_error" if status >= 500 else "unexpected_answer")


__all__ = ["ACCEPTED", "STARTING", "SentRequest", "WholeAnswer", "is_page", "read_whole", "shown_text"]
