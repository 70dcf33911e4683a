"""What the tests run against: Umbral Chat, a network that can fail, and n8n with several copies of the workflows."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from n8n.e2e.harness.agent import model_credential, put_agent, stand_in_model
from n8n.e2e.harness.copies import Copy, Credential, settings, webhook_credential
from n8n.e2e.harness.faults import Network, failing_network
from n8n.e2e.harness.guide import guided, trapped
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.server import N8n, n8n_server
from n8n.e2e.harness.service import UmbralChat, umbral_chat
from n8n.e2e.harness.workflow_edits import (
    answer_oddly,
    every_two_seconds,
    fail_at_parts,
    fail_at_work,
    fail_unhandled,
    take_files,
    work_without_answer,
)
from tests.ports import free_port

SIMPLE, FOLLOW = "simple-chat.json", "send-and-follow.json"
TOKEN, HISTORY = "visitor-token.json", "history-in-the-widget.json"
BY_WEBHOOK, SCHEDULED, STREAM = "started-by-webhook.json", "scheduled-push.json", "stream-the-answer.json"
UNLESS_AGENT, TYPING = "answer-unless-agent.json", "typing-while-working.json"
UNSEEN = "unseen-answer.json"
UNSEEN_AFTER = 60.0
"""Seconds: the least that a subscription takes."""
WRONG_KEY = "not-a-key-of-this-service"


@dataclass(frozen=True)
class Setups:
    """The copies of the workflows in n8n."""

    chat: Copy
    chat_with_agent: Copy
    chat_odd_answers: Copy
    chat_with_files: Copy
    chat_wrong_key: Copy
    chat_over_network: Copy
    follow: Copy
    follow_wrong_key: Copy
    follow_over_network: Copy
    unless_agent_odd_answers: Copy
    unless_agent: Copy
    """This and the `typing…` ones reach the service through the network, which works unless a test breaks it."""
    typing: Copy
    typing_without_answer: Copy
    typing_fails: Copy
    typing_unhandled: Copy
    visitor_token: Copy
    visitor_token_wrong_key: Copy
    history: Copy
    """It reaches the service through the network."""
    by_webhook: Copy
    unseen: Copy
    scheduled: Copy
    stream: Copy
    stream_fails: Copy
    guide: Copy
    guide_trap: Copy


@dataclass(frozen=True)
class Stage:
    service: UmbralChat
    network: Network
    n8n: N8n
    setups: Setups
    webhook_secret: str
    """Of the subscription whose webhook is `by_webhook`: messages of users in conversations that begin with
    `pushed.`."""
    unseen_secret: str
    """Of the subscription whose webhook is `unseen`: conversations that begin with `unseen.`."""


@contextmanager
def stage(command: str, folder: Path) -> Iterator[Stage]:
    """Set everything up under `folder` (its logs in `folder/logs`); all of it is stopped when the block is left."""
    installed = ensure_installed()
    logs = folder / "logs"
    with ExitStack() as running:
        service = running.enter_context(umbral_chat(command, folder, logs / "umbral-chat.log"))
        network = running.enter_context(failing_network(service.port))
        model = running.enter_context(stand_in_model())
        right = Credential("e2eRightKey00001", "Umbral Chat key", service.key)
        wrong = Credential("e2eWrongKey00001", "Wrong key", WRONG_KEY)
        setups = Setups(
            chat=Copy("chat", SIMPLE, service.url, right),
            chat_with_agent=Copy("chat-with-agent", SIMPLE, service.url, right, put_agent),
            chat_odd_answers=Copy("chat-odd-answers", SIMPLE, service.url, right, answer_oddly),
            chat_with_files=Copy("chat-with-files", SIMPLE, service.url, right, take_files),
            chat_wrong_key=Copy("chat-wrong-key", SIMPLE, service.url, wrong),
            chat_over_network=Copy("chat-over-network", SIMPLE, network.url, right),
            follow=Copy("follow", FOLLOW, service.url, right),
            follow_wrong_key=Copy("follow-wrong-key", FOLLOW, service.url, wrong),
            follow_over_network=Copy("follow-over-network", FOLLOW, network.url, right),
            unless_agent_odd_answers=Copy("unless-agent-odd", UNLESS_AGENT, service.url, right, answer_oddly),
            unless_agent=Copy("unless-agent", UNLESS_AGENT, network.url, right),
            typing=Copy("typing", TYPING, network.url, right, settings(work_seconds=8)),
            typing_without_answer=Copy("typing-without-answer", TYPING, network.url, right, work_without_answer),
            typing_fails=Copy("typing-fails", TYPING, network.url, right, fail_at_work),
            typing_unhandled=Copy("typing-unhandled", TYPING, network.url, right, fail_unhandled),
            visitor_token=Copy("visitor-token", TOKEN, service.url, right),
            visitor_token_wrong_key=Copy("visitor-token-wrong-key", TOKEN, service.url, wrong),
            history=Copy("history", HISTORY, network.url, right),
            by_webhook=Copy("by-webhook", BY_WEBHOOK, service.url, right),
            unseen=Copy("unseen", UNSEEN, service.url, right),
            scheduled=Copy("scheduled", SCHEDULED, service.url, right, every_two_seconds),
            stream=Copy("stream", STREAM, service.url, right),
            stream_fails=Copy("stream-fails", STREAM, service.url, right, fail_at_parts),
            guide=guided(service.url, right),
            guide_trap=trapped(service.url, right),
        )
        port = free_port()
        webhook = f"http://127.0.0.1:{port}{setups.by_webhook.path}"
        messages = {"prefix": "pushed.", "kinds": ["message"], "roles": ["user"]}
        secret = service.subscribe("n8n", webhook, filter=messages)
        webhook = f"http://127.0.0.1:{port}{setups.unseen.path}"
        unseen = {"kind": "unread", "after": UNSEEN_AFTER, "filter": {"prefix": "unseen."}}
        unseen_secret = service.subscribe("unseen", webhook, **unseen)
        credentials = [right.exported(), wrong.exported(), model_credential(model), webhook_credential(secret)]
        credentials.append(webhook_credential(unseen_secret, "unread"))
        n8n = running.enter_context(
            n8n_server(installed, folder / "n8n", logs, credentials, list(vars(setups).values()), port)
        )
        yield Stage(service, network, n8n, setups, secret, unseen_secret)
