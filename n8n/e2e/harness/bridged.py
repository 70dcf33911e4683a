"""Chats that know nothing of Umbral Chat, as anybody has them in n8n: the bridge relays to them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from n8n.e2e.harness.agent import LANGCHAIN
from n8n.e2e.harness.copies import Copy, Credential

NO_CREDENTIAL = Credential("none", "none", "none")

Node = tuple[str, str, float, dict[str, Any]]
"""Name, type, version and parameters."""

PAUSE = 3
"""Seconds between the two messages of the streaming chat."""


def _set(value: str) -> Node:
    assignments = [{"id": "output", "name": "output", "value": value, "type": "string"}]
    return ("Answer", "n8n-nodes-base.set", 3.5, {"assignments": {"assignments": assignments}, "options": {}})


def _respond(name: str, text: str) -> Node:
    parameters = {"respondWith": "text", "responseBody": text, "options": {}}
    return (name, "n8n-nodes-base.respondToWebhook", 1.5, parameters)


def _chat(operation: str, message: str, **more: str) -> dict[str, Any]:
    return {"operation": operation, "message": message, **more, "options": {}}


LAST_NODE = [_set("=You said: {{ $json.chatInput }} ({{ $json.sessionId }})")]
STREAMING = [
    _respond("First", "=Let me look for {{ $json.chatInput }}."),
    ("Work", "n8n-nodes-base.wait", 1.1, {"amount": PAUSE, "unit": "seconds"}),
    _respond("Second", "Found it."),
]
ASKING: list[Node] = [
    ("Ask", f"{LANGCHAIN}.chat", 1.3, _chat("sendAndWait", "Your name?", responseType="freeTextChat")),
    ("Greet", f"{LANGCHAIN}.chat", 1.3, _chat("send", "=Hello {{ $json.chatInput }}.")),
]
WORKING: list[Node] = [
    ("Say", f"{LANGCHAIN}.chat", 1.3, _chat("send", "One moment.")),
    ("Work", "n8n-nodes-base.wait", 1.1, {"amount": 40, "unit": "seconds"}),
    ("Done", f"{LANGCHAIN}.chat", 1.3, _chat("send", "Done.")),
]
FILING: list[Node] = [
    (
        "Read",
        "n8n-nodes-base.crypto",
        1.0,
        {
            "action": "hash",
            "type": "SHA256",
            "binaryData": True,
            "binaryPropertyName": "data1",
            "dataPropertyName": "digest",
            "encoding": "hex",
        },
    ),
    _set(
        "={{ $('Chat').item.json.chatInput }}: {{ $('Chat').item.json.files.map(one => one.fileName).join(', ') }}; "
        "the second is {{ $json.digest }}; {{ JSON.parse($('Chat').item.json.metadata).umbral_conversation }}"
    ),
]
"""Says what files came with a message, and which digest the second has."""
FAILING: list[Node] = [("Stop", "n8n-nodes-base.stopAndError", 1.0, {"errorMessage": "a secret of the workflow"})]


@dataclass(frozen=True)
class BridgedCopy(Copy):
    """A chat of these nodes, one after the other."""

    nodes: Sequence[Node] = ()
    streams: bool = False
    chat_nodes: bool = False
    """Its nodes are Chat nodes, which n8n runs over a WebSocket of its own."""

    @property
    def path(self) -> str:
        return f"/webhook/{self.id}/chat"

    def workflow(self) -> dict[str, Any]:
        mode = "streaming" if self.streams else "responseNodes" if self.chat_nodes else "lastNode"
        trigger = {
            "public": True,
            "mode": "hostedChat" if self.chat_nodes else "webhook",
            "authentication": "none",
            "options": {"responseMode": mode},
        }
        chain: list[Node] = [("Chat", f"{LANGCHAIN}.chatTrigger", 1.5, trigger), *self.nodes]
        nodes = [
            {
                "id": name,
                "name": name,
                "type": kind,
                "typeVersion": version,
                "position": [240 * place, 0],
                "parameters": parameters,
                "webhookId": self.id if place == 0 else f"{self.id}-{place}",
            }
            for place, (name, kind, version, parameters) in enumerate(chain)
        ]
        connections = {
            one[0]: {"main": [[{"node": after[0], "type": "main", "index": 0}]]} for one, after in pairwise(chain)
        }
        return {
            "id": self.id,
            "name": self.id,
            "nodes": nodes,
            "connections": connections,
            "settings": {"executionOrder": "v1"},
            "active": False,
        }


def bridged(name: str, nodes: Sequence[Node], *, streams: bool = False, chat_nodes: bool = False) -> BridgedCopy:
    """One of them."""
    return BridgedCopy(name, "", "", NO_CREDENTIAL, None, nodes, streams, chat_nodes)


__all__ = ["ASKING", "FAILING", "FILING", "LAST_NODE", "PAUSE", "STREAMING", "WORKING", "BridgedCopy", "bridged"]
