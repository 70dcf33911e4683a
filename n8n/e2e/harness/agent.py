"""The swap that the README describes: an AI Agent and its memory in place of the echo; its model is a stand-in."""

import json
import time
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


@contextmanager
def streaming_model() -> Iterator[str]:
    """A chat model that streams, word by word; yields its URL. Asked about `order X` it says that it looks, calls its
    first tool with X, and then says what that returned; to anything else it says that."""

    class Model(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802  (the base class calls it by this name)
            asked = json.loads(self.body())
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for delta, reason in _streamed(asked):
                choice = {"index": 0, "delta": delta, "finish_reason": reason}
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "stand-in"}
                self.wfile.write(b"data: " + json.dumps({**chunk, "choices": [choice]}).encode() + b"\n\n")
                self.wfile.flush()
                time.sleep(0.05)
            self.wfile.write(b"data: [DONE]\n\n")

    with listening(Model) as port:
        yield f"http://127.0.0.1:{port}/v1"


def _streamed(asked: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    last = asked["messages"][-1]
    order = str(last["content"]).partition("order ")[2]
    if last["role"] == "user" and order:
        text = "Let me look that up."
    else:
        text = f"The tool said: {last['content']}" if last["role"] == "tool" else f"You said: {last['content']}"
    for place, word in enumerate(text.split(" ")):
        yield {"role": "assistant", "content": f" {word}" if place else word}, None
    if last["role"] == "user" and order:
        name = asked["tools"][0]["function"]["name"]
        function = {"name": name, "arguments": json.dumps({"input": order})}
        yield {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}, None
        yield {}, "tool_calls"
    else:
        yield {}, "stop"


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
