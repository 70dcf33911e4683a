"""The bridge and n8n's executions: Chat nodes over n8n's WebSocket, a cancel, and answers that were lost on the way."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from n8n.e2e.harness.bridged import ASKING, LAST_NODE, WORKING, bridged
from n8n.e2e.harness.faults import Network, failing_network
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.server import N8n, n8n_server
from n8n.e2e.harness.service import UmbralChat, umbral_chat
from n8n.e2e.harness.web import until

CHATS = {
    "asking": bridged("bridged-asking", ASKING, chat_nodes=True),
    "working": bridged("bridged-working", WORKING, chat_nodes=True),
    "lost": bridged("bridged-lost", LAST_NODE),
}


class Bridged(NamedTuple):
    service: UmbralChat
    n8n: N8n
    network: Network
    """Between the service and the chat `lost`."""


@pytest.fixture(scope="module")
def it(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridged]:
    folder: Path = tmp_path_factory.mktemp("executions")
    logs = folder / "logs"
    with ExitStack() as running:
        n8n = running.enter_context(n8n_server(ensure_installed(), folder / "n8n", logs, [], list(CHATS.values())))
        network = running.enter_context(failing_network(n8n.port))
        api = {"api_url": f"{n8n.url}/api/v1", "api_key": n8n.editor.new_api_key(), "executions_saved": True}
        chats = {
            name: {
                "webhook_url": (network.url if name == "lost" else n8n.url) + chat.path,
                "workflow_id": chat.id,
                **api,
            }
            for name, chat in CHATS.items()
        }
        command = request.config.getoption("--umbral-chat")
        service = running.enter_context(
            umbral_chat(command, folder, logs / "umbral-chat.log", N8N__CHATS=json.dumps(chats))
        )
        ready = Bridged(service, n8n, network)
        # Ready, the service may not relay yet: what is written before its consumers run is passed over.
        for _ in range(20):
            service.push("lost:probe", "hello", "user")
            try:
                until(lambda: len([role for role, _ in texts(ready, "lost:probe") if role == "assistant"]) > 0, "", 10)
            except AssertionError:
                continue
            break
        yield ready


def texts(it: Bridged, conversation: str) -> list[tuple[str, str]]:
    return [
        (one["sender"]["role"], one.get("content") or one.get("outcome", "")) for one in it.service.log(conversation)
    ]


def until_texts(it: Bridged, conversation: str, *expected: tuple[str, str], limit: float = 90.0) -> None:
    end = time.monotonic() + limit
    while (found := texts(it, conversation)) != list(expected) and time.monotonic() < end:
        time.sleep(0.2)
    assert found == list(expected)


def test_a_chat_nodes_question_is_answered_from_another_client(it: Bridged) -> None:
    it.service.push("asking:ada", "hi", "user")
    asked = [("user", "hi"), ("assistant", "Your name?")]
    until_texts(it, "asking:ada", *asked)
    it.service.push("asking:ada", "Ada", "user")
    until_texts(it, "asking:ada", *asked, ("user", "Ada"), ("assistant", "Hello Ada."))
    until(lambda: it.n8n.runs(CHATS["asking"], "success") == 1, "the end of the execution")
    assert it.n8n.last_run(CHATS["asking"]) == "success"


def test_a_cancel_stops_the_execution(it: Bridged) -> None:
    it.service.push("working:ada", "hi", "user")
    until_texts(it, "working:ada", ("user", "hi"), ("assistant", "One moment."))
    (run,) = it.service.call("GET", "working:ada/events?after=0").body["runs"]
    assert run["execution_id"]
    assert it.service.call("POST", f"working:ada/runs/{run['run_id']}/cancel", {}).status == 202
    until(lambda: it.n8n.runs(CHATS["working"], "canceled") == 1, "the end of the execution")
    assert texts(it, "working:ada") == [("user", "hi"), ("assistant", "One moment.")]


def test_an_answer_that_was_lost_is_had_from_n8n(it: Bridged) -> None:
    before = it.n8n.runs(CHATS["lost"], "success")
    it.network.heal()
    it.network.lose = 1
    it.service.push("lost:ada", "hi", "user")
    until_texts(it, "lost:ada", ("user", "hi"), ("assistant", "You said: hi (ada)"))
    assert it.n8n.runs(CHATS["lost"], "success") == before + 1


def test_what_n8n_never_began_is_sent_again(it: Bridged) -> None:
    before = it.n8n.runs(CHATS["lost"], "success")
    it.network.heal()
    it.network.down_after = 0
    it.service.push("lost:bob", "hi", "user")
    until(lambda: it.network.seen > 0, "a call")
    it.network.heal()
    until_texts(it, "lost:bob", ("user", "hi"), ("assistant", "You said: hi (bob)"))
    assert it.n8n.runs(CHATS["lost"], "success") == before + 1
