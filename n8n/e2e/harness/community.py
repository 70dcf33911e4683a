"""The community package, built and installed into a fresh n8n, and workflows that use its nodes."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar
from itertools import pairwise
from pathlib import Path
from typing import Any

from n8n.e2e.harness.copies import Copy
from n8n.e2e.harness.install import Installed
from n8n.e2e.harness.process import clean_env, run
from tests.community_node.build import copied, packed

TYPE = "umbralChatApi"
NODE, TRIGGER = "n8n-nodes-umbral-chat.umbralChat", "n8n-nodes-umbral-chat.umbralChatTrigger"
INSTALL_LIMIT = 120.0

SETTINGS = {
    "N8N_DISABLED_MODULES": "mcp-registry,instance-ai,agents",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "true",
    # No call leaves the machine.
    "N8N_VERIFIED_PACKAGES_ENABLED": "false",
    "N8N_REINSTALL_MISSING_PACKAGES": "false",
}


def install(installed: Installed, folder: Path, logs: Path) -> None:
    """Build the package and install its tarball as an operator does, before n8n starts in `folder`."""
    work = folder / "package"
    work.mkdir(parents=True)
    archive = packed(copied(work), work)
    nodes = folder / ".n8n" / "nodes"
    nodes.mkdir(parents=True)
    (nodes / "package.json").write_text('{"name": "installed-nodes", "private": true}\n')
    npm = installed.node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps", "--offline"]
    command = [str(installed.node), str(npm), "install", str(archive), *flags]
    env = clean_env(["N8N_"], PATH=installed.path())
    run("npm install of the community package", command, log=logs / "npm.log", env=env, limit=INSTALL_LIMIT, cwd=nodes)


def credential(name: str, url: str, key: str) -> dict[str, Any]:
    """The package's own, as n8n imports it."""
    return {"id": f"e2e{name}000001", "name": name, "type": TYPE, "data": {"baseUrl": url, "apiKey": key}}


@dataclass(frozen=True)
class Chain(Copy):
    """A workflow: a webhook, or a node that is a trigger itself, then nodes one after the other."""

    first: dict[str, Any] | None = None
    nodes: Sequence[dict[str, Any]] = ()

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
        connections = {
            one["name"]: {"main": [[{"node": other["name"], "type": "main", "index": 0}]]} for one, other in pairs
        }
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


def trigger(used: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """The trigger node."""
    return {
        "name": "Trigger",
        "type": TRIGGER,
        "typeVersion": 1,
        "parameters": parameters,
        "credentials": {TYPE: {"id": used["id"], "name": used["name"]}},
    }


class Editor:
    """n8n's own API, as its editor uses it, for the owner that is set up here."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        password = "A" + os.urandom(9).hex()
        owner = {"email": "owner@example.com", "firstName": "O", "lastName": "W", "password": password}
        self.post("/rest/owner/setup", owner)

    def post(self, path: str, body: object) -> Any:
        """The data of an answer. Raises AssertionError where it is an error."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback URL
            self._url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with self._open(request, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:500]!r}") from None
