"""A fresh n8n with the community package, and workflows that use its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n8n.e2e.harness.agent import LANGCHAIN, model_credential, model_node, stand_in_model
from n8n.e2e.harness.community import Chain, chat_node, credential, reply, started, tool_node
from n8n.e2e.harness.copies import Copy, Credential, node_of
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.package import by_tarball
from n8n.e2e.harness.server import N8n, n8n_server
from n8n.e2e.harness.service import UmbralChat, umbral_chat

NONE = Credential("", "", "")
"""The copies' own kind of credential, which these workflows do not use."""


@dataclass(frozen=True)
class Fresh:
    """The service, n8n, and the workflows."""

    service: UmbralChat
    n8n: N8n
    right: dict[str, Any]
    everything: Chain
    failing: Chain
    wrong_key: Chain
    echo: Chain
    batch: Chain
    careful: Chain
    agent: Chain
    shipped: Copy

    def run(self, chain: Chain, **body: object) -> Any:
        """The last node's first item."""
        return self.n8n.webhook(chain, body, key=None).body

    def subscribed(self) -> None:
        """Wait until the published triggers have their subscriptions."""
        wanted = {f"n8n.{chain.id}.{chain.id}-0" for chain in (self.echo, self.batch, self.careful)}
        self.service.until_subscribed(wanted | {f"n8n.{self.shipped.id}.trigger"})


@contextmanager
def fresh_n8n(command: str, folder: Path) -> Iterator[Fresh]:
    """All of it under `folder`, and stopped when the block is left."""
    installed = ensure_installed()
    settings = by_tarball(installed, folder / "n8n", folder / "logs")
    with ExitStack() as running:
        service = running.enter_context(umbral_chat(command, folder, folder / "logs" / "umbral-chat.log"))
        model = running.enter_context(stand_in_model())
        right = credential("Right", service.url, service.key)
        wrong = credential("Wrong", service.url, "not-a-key-of-this-service")
        named = credential("Named", service.url, service.key) | {"name": "Umbral Chat API"}
        copies = {
            "everything": Chain("everything", "", "", NONE, nodes=everything(right)),
            "failing": Chain("failing", "", "", NONE, nodes=[edit_nothing(right)]),
            "wrong_key": Chain("wrong-key", "", "", NONE, nodes=[edit_nothing(wrong)]),
            "echo": Chain("echo", "", "", NONE, first=started(right, "echo."), nodes=[said(right)]),
            "batch": Chain(
                "batch",
                "",
                "",
                NONE,
                first=started(right, "batch.", execution="batch"),
                nodes=[counted(), reply(right)],
            ),
            "careful": Chain(
                "careful",
                "",
                "",
                NONE,
                first=careful(right),
                nodes=[fail_if_asked(), reply(right, "Did: {{ $json.content }}")],
            ),
            "agent": Chain("agent", "", "", NONE, nodes=[agent()], beside=tools(right)),
            "shipped": Copy("shipped", "started-by-the-trigger.json", "", NONE, only_shipped),
        }
        credentials = [right, wrong, named, model_credential(model)]
        n8n = running.enter_context(
            n8n_server(
                installed, folder / "n8n", folder / "logs", credentials, list(copies.values()), settings=settings
            )
        )
        yield Fresh(service, n8n, right, **copies)  # type: ignore[arg-type]


def only_shipped(workflow: dict[str, Any]) -> None:
    """The shipped workflow's trigger, of conversations of its own."""
    node_of(workflow, "Umbral Chat Trigger")["parameters"]["options"] = {"prefix": "shipped."}


def agent() -> dict[str, Any]:
    """An AI Agent that is asked what the webhook was called with."""
    parameters = {"promptType": "define", "text": "={{ $json.body.question }}", "options": {}}
    return {"name": "Agent", "type": f"{LANGCHAIN}.agent", "typeVersion": 3.1, "parameters": parameters}


def tools(used: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Its model, and the action node as two tools."""
    content = "={{ $fromAI('content', 'The text', 'string') }}"
    write = tool_node("Write", used, "message", "send", "Write a message to the visitor.", content=content)
    over = tool_node("Hand over", used, "conversation", "handOver", "Give the conversation to a human.")
    return [(model_node(), "ai_languageModel"), (write, "ai_tool"), (over, "ai_tool")]


def everything(used: dict[str, Any]) -> list[dict[str, Any]]:
    """Each operation once, and at the end what each returned."""
    sent = "={{ $('Send').first().json.entry"
    seconds = {"role": "assistant", "seconds": 30}
    question = "={{ $('Webhook').first().json.body.question }}"
    answer = "={{ 'You said: ' + $('Send').first().json.entry.content }}"
    nodes = [
        chat_node("Send", used, "message", "send", content=question, role="user", options={"senderId": "visitor"}),
        chat_node("Run", used, "run", "start", role="assistant", options={"forSeq": f"{sent}.seq }}}}"}),
        chat_node("Progress", used, "run", "progress", state="tool", label="Looking", ttl=60),
        chat_node("Typing", used, "typing", "start", **seconds),
        chat_node("Answer", used, "message", "send", content=answer, options={"ofRun": True}),
        chat_node("End", used, "run", "end", outcome="completed"),
        chat_node("Quiet", used, "typing", "stop", role="assistant"),
        chat_node("Edit", used, "message", "edit", messageId=f"{sent}.message_id }}}}", content="Edited."),
        chat_node("Presence", used, "conversation", "presence"),
        chat_node("Over", used, "conversation", "handOver"),
        chat_node("Get", used, "conversation", "get"),
        chat_node("Back", used, "conversation", "handBack"),
        chat_node("Transcript", used, "conversation", "transcript", format="openai"),
        chat_node("Token", used, "token", "create", subject="visitor", rights=["read"], ttl=60),
        chat_node("Close", used, "conversation", "close"),
        chat_node("History", used, "message", "getAll", limit=10),
    ]
    names = [node["name"] for node in nodes]
    said = ", ".join(f"{name}: $('{name}').all().map((item) => item.json)" for name in names)
    # Two braces at the end of an expression would close it.
    gather = {
        "name": "Gather",
        "type": "n8n-nodes-base.set",
        "typeVersion": 3.5,
        "executeOnce": True,
        "parameters": {"mode": "raw", "jsonOutput": f"={{{{ ({{ {said} }}) }}}}", "options": {}},
    }
    return [*nodes, gather]


def careful(used: dict[str, Any]) -> dict[str, Any]:
    """Acknowledged when the execution succeeded."""
    return started(used, "careful.", acknowledge="success", lease=60)


def said(used: dict[str, Any]) -> dict[str, Any]:
    return reply(used, "You said: {{ $json.content }}")


def code(name: str, program: str) -> dict[str, Any]:
    return {"name": name, "type": "n8n-nodes-base.code", "typeVersion": 2, "parameters": {"jsCode": program}}


def counted() -> dict[str, Any]:
    """One item that says how many there were."""
    return code("Count", "return [{ json: { content: `${$input.all().length} messages` } }];")


def fail_if_asked() -> dict[str, Any]:
    return code("Work", "if ($json.content === 'fail') throw new Error('as asked'); return $input.all();")


def edit_nothing(used: dict[str, Any]) -> dict[str, Any]:
    """A call that the service refuses; the workflow goes on with the error."""
    node = chat_node("Edit", used, "message", "edit", messageId="not-there", content="x")
    return {**node, "onError": "continueRegularOutput"}
