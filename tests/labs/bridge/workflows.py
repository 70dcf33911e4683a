"""The workflows of a real n8n: each answers `answer_to` of the message's key, and fails or takes long as the lab's
proxy asks it to in the request's metadata. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from n8n.e2e.harness.agent import LANGCHAIN, model_node
from n8n.e2e.harness.copies import Copy, Credential

from .plan import CHATS, Chat, answer_to

TASK = "lab"
"""In the request's metadata, what the workflow is to do besides its answer: `{"sleep": SECONDS}`, `{"fail": true}`."""

TRIGGER = "Chat"

NO_CREDENTIAL = Credential("none", "none", "none")

WORK = """
const item = $input.first().json;
const task = (item.metadata ?? {}).TASK ?? {};
if (task.sleep) await new Promise((resolve) => setTimeout(resolve, task.sleep * 1000));
if (task.fail) throw new Error('as the lab asked');
const key = item.chatInput.split(' ')[0];
return [{ json: { output: ANSWER.replace('KEY', key) } }];
"""
"""Of a Code node: nothing waits that n8n could put aside, as it does with a Wait node."""


@dataclass(frozen=True)
class LabCopy(Copy):
    """The workflow of a chat."""

    chat: Chat = CHATS[0]

    @property
    def id(self) -> str:
        return self.chat.workflow

    @property
    def path(self) -> str:
        return f"/webhook/{self.id}/chat"

    def workflow(self) -> dict[str, Any]:
        return workflow_of(self.chat)


def lab_copies() -> list[Copy]:
    """One for each chat."""
    return [LabCopy(chat.name, "", "", NO_CREDENTIAL, chat=chat) for chat in CHATS]


def workflow_of(chat: Chat) -> dict[str, Any]:
    """As n8n imports it. One that streams has an AI Agent at its end, whose model repeats what the Code node made."""
    mode = "streaming" if chat.streams else "lastNode"
    trigger = {"public": True, "mode": "webhook", "authentication": "none", "options": {"responseMode": mode}}
    code = WORK.replace("TASK", TASK).replace("ANSWER", repr(answer_to("KEY")))
    chain = [
        _node(TRIGGER, f"{LANGCHAIN}.chatTrigger", 1.5, trigger) | {"webhookId": chat.workflow},
        _node("Work", "n8n-nodes-base.code", 2, {"jsCode": code}),
    ]
    beside: list[dict[str, Any]] = []
    if chat.streams:
        asked = {"promptType": "define", "text": "={{ $json.output }}", "options": {"enableStreaming": True}}
        chain.append(_node("Agent", f"{LANGCHAIN}.agent", 3.1, asked))
        beside.append(model_node())
    connections = {
        before["name"]: {"main": [[{"node": after["name"], "type": "main", "index": 0}]]}
        for before, after in pairwise(chain)
    }
    for node in beside:
        connections[node["name"]] = {"ai_languageModel": [[{"node": "Agent", "type": "ai_languageModel", "index": 0}]]}
    return {
        "id": chat.workflow,
        "name": chat.workflow,
        "nodes": chain + beside,
        "connections": connections,
        "settings": {
            "executionOrder": "v1",
            "saveDataSuccessExecution": "all",
            "saveDataErrorExecution": "all",
        },
        "active": False,
    }


def _node(name: str, kind: str, version: float, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "type": kind,
        "typeVersion": version,
        "position": [0, 0],
        "parameters": parameters,
    }


__all__ = ["TASK", "TRIGGER", "lab_copies", "workflow_of"]
