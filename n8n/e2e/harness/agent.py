"""The swap that the README describes: an AI Agent and its memory in place of the echo; its model is a stand-in."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from n8n.e2e.harness.listen import JsonHandler, listening

LANGCHAIN = "@n8n/n8n-nodes-langchain"
PLACEHOLDER = "Answer (an AI Agent goes here)"
MODEL_CREDENTIAL = {"id": "e2eModel00000001", "name": "Stand-in model"}


def model_credential(url: str) -> dict[str, Any]:
    return {**MODEL_CREDENTIAL, "type": "openAiApi", "data": {"apiKey": "none", "url": url}}


def put_agent(workflow: dict[str, Any]) -> None:
    """Swap the placeholder for an AI Agent, as a builder does: everything else stays as it was shipped."""
    nodes, connections = workflow["nodes"], workflow["connections"]
    nodes[:] = [node for node in nodes if node["name"] != PLACEHOLDER]
    nodes += [
        _node("AI Agent", f"{LANGCHAIN}.agent", 3.1, {"options": {}}),
        _node("Memory", f"{LANGCHAIN}.memoryBufferWindow", 1.4, {}),
        _node("Model", f"{LANGCHAIN}.lmChatOpenAi", 1.3, _MODEL),
    ]
    nodes[-1]["credentials"] = {"openAiApi": MODEL_CREDENTIAL}
    connections["Question"]["main"] = [[{"node": "AI Agent", "type": "main", "index": 0}]]
    connections["AI Agent"] = connections.pop(PLACEHOLDER)
    for name, kind in (("Memory", "ai_memory"), ("Model", "ai_languageModel")):
        connections[name] = {kind: [[{"node": "AI Agent", "type": kind, "index": 0}]]}


_MODEL = {"model": {"__rl": True, "mode": "id", "value": "stand-in"}, "responsesApiEnabled": False, "options": {}}


def _node(name: str, type_: str, version: float, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "type": type_,
        "typeVersion": version,
        "position": [1020, 0],
        "parameters": parameters,
    }


@contextmanager
def stand_in_model() -> Iterator[str]:
    """A chat model's HTTP API; yields its URL. It answers with the number of user messages and the last of them."""

    class Model(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802  (the base class calls it by this name)
            questions = [one["content"] for one in json.loads(self.body())["messages"] if one["role"] == "user"]
            message = {"role": "assistant", "content": f"{len(questions)}: {questions[-1]}"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            whole = {"id": "1", "object": "chat.completion", "created": 0, "model": "stand-in"}
            self.answer(200, json.dumps({**whole, "choices": [choice], "usage": usage}).encode())

    with listening(Model) as port:
        yield f"http://127.0.0.1:{port}/v1"
