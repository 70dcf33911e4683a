"""The shipped workflows in a real n8n, in the stand-in's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from n8n.e2e.harness.agent import PLACEHOLDER
from n8n.e2e.harness.copies import Copy, Credential, node_of
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.server import N8n, n8n_server

SIMPLE, TOKEN = "simple-chat.json", "visitor-token.json"
OF_THE_LOG = ("Store the question", "Store the answer", "Back to the chat")
"""Nodes of the simple chat that write to the log, or read what was written."""

SLOW_SECONDS = 3


class RealWorkflows:
    """Their webhooks."""

    def __init__(self, n8n: N8n, copies: dict[str, Copy]) -> None:
        self._n8n = n8n
        self._copies = copies

    def webhook(self, kind: str) -> str:
        """The Chat URL of the simple chat; of one that takes `SLOW_SECONDS` for its answer (`slow`); of one that writes
        to no log, as before there was a service (`silent`)."""
        return self._n8n.url + self._copies[kind if kind in {"slow", "silent"} else "simple"].path

    @property
    def tokens(self) -> str:
        """The webhook that gives a visitor a token."""
        return self._n8n.url + self._copies["token"].path


def _slowly(workflow: dict[str, Any]) -> None:
    """A Wait before the answer."""
    wait = {
        **node_of(workflow, PLACEHOLDER),
        "id": "wait",
        "name": "Wait",
        "type": "n8n-nodes-base.wait",
        "typeVersion": 1.1,
        "parameters": {"amount": SLOW_SECONDS, "unit": "seconds"},
        "webhookId": "e2e-slow-wait",
    }
    workflow["nodes"].append(wait)
    workflow["connections"]["Wait"] = workflow["connections"]["Question"]
    workflow["connections"]["Question"] = {"main": [[{"node": "Wait", "type": "main", "index": 0}]]}


def _silently(workflow: dict[str, Any]) -> None:
    """Without the calls of the service. n8n passes on what a disabled node is given."""
    for name in OF_THE_LOG:
        node_of(workflow, name)["disabled"] = True


@asynccontextmanager
async def real_workflows(folder: Path, key: str, url: str) -> AsyncIterator[RealWorkflows]:
    """Install n8n if it is not, start it with the workflows, and stop it at the end."""
    credential = Credential("widgetKey0000001", "Umbral Chat key", key)
    copies = {
        "simple": Copy("widget-simple", SIMPLE, url, credential),
        "slow": Copy("widget-slow", SIMPLE, url, credential, _slowly),
        "silent": Copy("widget-silent", SIMPLE, url, credential, _silently),
        "token": Copy("widget-token", TOKEN, url, credential),
    }
    with ExitStack() as running:
        installed = await asyncio.to_thread(ensure_installed)
        server = n8n_server(installed, folder / "n8n", folder / "logs", [credential.exported()], list(copies.values()))
        n8n = await asyncio.to_thread(running.enter_context, server)
        try:
            yield RealWorkflows(n8n, copies)
        finally:
            await asyncio.to_thread(running.close)


__all__ = ["RealWorkflows", "real_workflows"]
