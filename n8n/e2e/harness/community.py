"""Workflows that use the nodes of the community package."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from n8n.e2e.harness.copies import Copy

TYPE = "umbralChatApi"
NODE, TRIGGER = "n8n-nodes-umbral-chat.umbralChat", "n8n-nodes-umbral-chat.umbralChatTrigger"


def credential(name: str, url: str, key: str) -> dict[str, Any]:
    """The package's own, as n8n imports it."""
    return {"id": f"e2e{name}000001", "name": name, "type": TYPE, "data": {"baseUrl": url, "apiKey": key}}


@dataclass(frozen=True)
class Chain(Copy):
    """A workflow: a webhook, or a node that is a trigger itself, then nodes one after the other."""

    first: dict[str, Any] | None = None
    nodes: Sequence[dict[str, Any]] = ()
    beside: Sequence[tuple[dict[str, Any], str]] = ()
    """What the last node uses, such as tools, each with its kind of connection."""

    @property
    def called(self) -> bool:
        """Not where its first node is a trigger."""
        return self.first is None

    def workflow(self) -> dict[str, Any]:
        """Without a file."""
        start = self.first or {
            "name": "Webhook",
            "type": "n8n-nodes-base.webhook",
            "typeVersion": 2.1,
            "parameters": {"httpMethod": "POST", "path": self.id, "responseMode": "lastNode", "options": {}},
            "webhookId": self.id,
        }
        chain = [start, *self.nodes]
        for number, node in enumerate(chain):
            node |= {"id": f"{self.id}-{number}", "position": [240 * number, 0]}
        pairs = pairwise(chain)
        connections: dict[str, Any] = {
            one["name"]: {"main": [[{"node": other["name"], "type": "main", "index": 0}]]} for one, other in pairs
        }
        for number, (node, kind) in enumerate(self.beside):
            node |= {"id": f"{self.id}-beside-{number}", "position": [240 * number, 240]}
            connections[node["name"]] = {kind: [[{"node": chain[-1]["name"], "type": kind, "index": 0}]]}
        chain += [node for node, _ in self.beside]
        settings = {"executionOrder": "v1"}
        return {"id": self.id, "name": self.id, "nodes": chain, "connections": connections, "settings": settings}


def chat_node(name: str, used: dict[str, Any], resource: str, operation: str, **parameters: Any) -> dict[str, Any]:
    """The action node; the conversation is the one that the webhook was called with."""
    conversation = "={{ $('Webhook').first().json.body.conversation }}"
    return {
        "name": name,
        "type": NODE,
        "typeVersion": 1,
        "parameters": {"resource": resource, "operation": operation, "conversation": conversation, **parameters},
        "credentials": {TYPE: {"id": used["id"], "name": used["name"]}},
    }


def tool_node(
    name: str, used: dict[str, Any], resource: str, operation: str, about: str, **more: Any
) -> dict[str, Any]:
    """The action node as a tool of an AI Agent, which is told `about` it."""
    node = chat_node(name, used, resource, operation, descriptionType="manual", toolDescription=about, **more)
    return {**node, "type": f"{NODE}Tool"}


def trigger(used: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """The trigger node."""
    return {
        "name": "Trigger",
        "type": TRIGGER,
        "typeVersion": 1,
        "parameters": parameters,
        "credentials": {TYPE: {"id": used["id"], "name": used["name"]}},
    }


def started(used: dict[str, Any], prefix: str, **parameters: Any) -> dict[str, Any]:
    """The trigger, by messages of visitors in conversations whose ids begin so."""
    return trigger(used, options={"prefix": prefix}, **parameters)


def reply(used: dict[str, Any], content: str = "{{ $json.content }}") -> dict[str, Any]:
    """The answer, into the conversation that the trigger's item is of."""
    node = chat_node("Reply", used, "message", "send", content=f"={content}")
    node["parameters"]["conversation"] = "={{ $('Trigger').first().json.conversation }}"
    return node
