"""The shipped workflows as an operator would set them up: copies that differ in base URL, credential and webhook."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKFLOWS = Path(__file__).parents[2] / "workflows"
CREDENTIAL = "httpHeaderAuth"
CHAT_TRIGGER = "@n8n/n8n-nodes-langchain.chatTrigger"
WEBHOOK = "n8n-nodes-base.webhook"


@dataclass(frozen=True)
class Credential:
    """A Header Auth credential in n8n, as the README describes it."""

    id: str
    name: str
    key: str

    def exported(self) -> dict[str, Any]:
        data = {"name": "Authorization", "value": f"Bearer {self.key}"}
        return {"id": self.id, "name": self.name, "type": CREDENTIAL, "data": data}


def webhook_credential(secret: str, name: str = "webhook") -> dict[str, Any]:
    """The Crypto credential of a subscription's secret, as the guide describes it: its key, as text."""
    key = base64.b64decode(secret.removeprefix("whsec_")).decode("ascii")
    return {
        "id": f"e2e{name.title()}000001",
        "name": f"Umbral Chat {name}",
        "type": "crypto",
        "data": {"hmacSecret": key},
    }


@dataclass(frozen=True)
class Copy:
    """One workflow in n8n: the shipped file, pointed at a base URL, with a credential, under an address of its own."""

    name: str
    file: str
    base_url: str
    credential: Credential
    edit: Callable[[dict[str, Any]], None] | None = None
    """What the operator changes beyond that."""

    @property
    def called(self) -> bool:
        """Whether it is started by its webhook."""
        return any(node["type"] in {CHAT_TRIGGER, WEBHOOK} for node in self.workflow()["nodes"])

    @property
    def id(self) -> str:
        return f"e2e-{self.name}"

    @property
    def path(self) -> str:
        """The URL path of its webhook."""
        chat = any(node["type"] == CHAT_TRIGGER for node in self.workflow()["nodes"])
        return f"/webhook/{self.id}/chat" if chat else f"/webhook/{self.id}"

    def workflow(self) -> dict[str, Any]:
        """The file with the three values that an operator sets, and with ids of its own."""
        workflow = load(self.file)
        workflow |= {"id": self.id, "name": self.id}
        for node in workflow["nodes"]:
            if "webhookId" in node:
                node["webhookId"] = self.id
            if "path" in node["parameters"]:
                node["parameters"]["path"] = self.id
            if CREDENTIAL in node.get("credentials", {}):
                # The shipped files name it without an id: n8n finds it by its name, as it will for a builder.
                node["credentials"][CREDENTIAL]["name"] = self.credential.name
            if node["name"] == "Settings":
                _set(node, "base_url", self.base_url)
        if self.edit:
            self.edit(workflow)
        return workflow


def settings(**values: object) -> Callable[[dict[str, Any]], None]:
    """An edit that sets these values in the node *Settings*."""

    def edit(workflow: dict[str, Any]) -> None:
        for name, value in values.items():
            _set(node_of(workflow, "Settings"), name, value)

    return edit


def node_of(workflow: dict[str, Any], name: str) -> dict[str, Any]:
    """The workflow's only node with this name."""
    (node,) = [node for node in workflow["nodes"] if node["name"] == name]
    found: dict[str, Any] = node
    return found


def load(file: str) -> dict[str, Any]:
    workflow: dict[str, Any] = json.loads((WORKFLOWS / file).read_text())
    return workflow


def _set(settings: dict[str, Any], name: str, value: object) -> None:
    (field,) = [one for one in settings["parameters"]["assignments"]["assignments"] if one["name"] == name]
    field["value"] = value
