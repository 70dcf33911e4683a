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
        model_node(),
    ]
    connections["Question"]["main"] = [[{"node": "AI Agent", "type": "main", "index": 0}]]
    connections["AI Agent"] = connections.pop(PLACEHOLDER)
    for name, kind in (("Memory", "ai_memory"), ("Model", "ai_languageModel")):
        connections[name] = {kind: [[{"node": "AI Agent", "type": kind, "index": 0}]]}


def model_node() -> dict[str, Any]:
    """The node that asks the stand-in."""
    node = _node("Model", f"{LANGCHAIN}.lmChatOpenAi", 1.3, _MODEL)
    return {**node, "credentials": {"openAiApi": MODEL_CREDENTIAL}}


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
    """A chat model's HTTP API; yields its URL. It answers with the number of user messages and the last of them.

    With tools, a question is a list of calls in JSON, `[[TOOL, {ARGUMENT: VALUE}], …]`: they are made all at once, and
    the answer is what they returned, one a line."""

    class Model(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802  (the base class calls it by this name)
            asked = json.loads(self.body())
            message, reason = _called(asked) if asked.get("tools") else (_counted(asked), "stop")
            choice = {"index": 0, "message": message, "finish_reason": reason}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            whole = {"id": "1", "object": "chat.completion", "created": 0, "model": "stand-in"}
            self.answer(200, json.dumps({**whole, "choices": [choice], "usage": usage}).encode())

    with listening(Model) as port:
        yield f"http://127.0.0.1:{port}/v1"


def _counted(asked: dict[str, Any]) -> dict[str, Any]:
    questions = [one["content"] for one in asked["messages"] if one["role"] == "user"]
    return {"role": "assistant", "content": f"{len(questions)}: {questions[-1]}"}


def _called(asked: dict[str, Any]) -> tuple[dict[str, Any], str]:
    results = [one["content"] for one in asked["messages"] if one["role"] == "tool"]
    if results:
        return {"role": "assistant", "content": "\n".join(results)}, "stop"
    names = {tool["function"]["name"] for tool in asked["tools"]}
    (question,) = [one["content"] for one in asked["messages"] if one["role"] == "user"]
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for number, (name, arguments) in enumerate(json.loads(question))
        if name in names
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"
