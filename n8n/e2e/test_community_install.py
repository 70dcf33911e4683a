"""The community package, installed in two other ways that n8n knows; all else here uses the data folder's `nodes`."""

import json
from pathlib import Path
from typing import Any

import pytest

from n8n.e2e.harness.community import Chain, chat_node, credential, reply, started
from n8n.e2e.harness.copies import Credential
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.package import NAME, Install, by_extensions, by_registry
from n8n.e2e.harness.server import n8n_server
from n8n.e2e.harness.service import umbral_chat

NONE = Credential("", "", "")


class Named(Chain):
    """With the nodes' names where they were loaded from a folder of the environment."""

    def workflow(self) -> dict[str, Any]:
        workflow: dict[str, Any] = json.loads(json.dumps(super().workflow()).replace(f'"{NAME}.', '"CUSTOM.'))
        return workflow


@pytest.mark.parametrize(("install", "kind"), [(by_registry, Chain), (by_extensions, Named)])
def test_its_nodes_work(install: Install, kind: type[Chain], request: pytest.FixtureRequest, tmp_path: Path) -> None:
    installed = ensure_installed()
    settings = install(installed, tmp_path / "n8n", tmp_path / "logs")
    command = request.config.getoption("--umbral-chat")
    with umbral_chat(command, tmp_path, tmp_path / "logs" / "umbral-chat.log") as service:
        used = credential("Right", service.url, service.key)
        send = chat_node("Send", used, "message", "send", content="={{ $json.body.text }}", role="user")
        called = kind("called", "", "", NONE, nodes=[send])
        echo = kind(
            "echo", "", "", NONE, first=started(used, "echo."), nodes=[reply(used, "You said: {{ $json.content }}")]
        )
        with n8n_server(
            installed, tmp_path / "n8n", tmp_path / "logs", [used], [called, echo], settings=settings
        ) as n8n:
            service.until_subscribed({f"n8n.{echo.id}.{echo.id}-0"})
            answer = n8n.webhook(called, {"conversation": "echo.installed", "text": "hello"}, key=None)
            assert answer.body["created"] is True, answer
            found = service.until("echo.installed", 2)
    assert found == [("user", "hello"), ("assistant", "You said: hello")]
