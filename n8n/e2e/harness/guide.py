"""The snippets of the guide as a workflow: each becomes an HTTP Request node, after the node Settings of the guide."""

from __future__ import annotations

import re
from typing import Any

from n8n.e2e.harness.community import Chain
from n8n.e2e.harness.copies import CREDENTIAL, Credential
from tests.docs.pages import ROOT, blocks

GUIDE = ROOT / "docs" / "how-to" / "n8n.md"
DEFAULT = "http://127.0.0.1:8750"
_FIELD = re.compile(r"^\| `(base_url|conversation|question|request_id)` \| `(.*)` \|$", re.MULTILINE)


def snippets() -> list[tuple[str, str, str]]:
    """Method, URL and body (empty: none) of each, in the order of the page."""
    found = []
    for block in blocks(GUIDE):
        if block.language == "n8n":
            first, _, body = block.text.strip().partition("\n")
            method, _, url = first.partition(" ")
            found.append((method, url, body))
    return found


def guided(url: str, credential: Credential) -> Chain:
    """All of them, one after the other; the webhook answers with what each returned, by its number. The chat's text and
    session are the webhook's `text` and `session`."""
    chat = _fields("Chat", {"chatInput": "={{ $json.body.text }}", "sessionId": "={{ $json.body.session }}"})
    settings = {name: f"={value}" for name, value in _FIELD.findall(GUIDE.read_text("utf-8"))}
    requests = [_request(number, *one, credential) for number, one in enumerate(snippets())]
    said = ", ".join(f"'{node['name']}': $('{node['name']}').all().map((item) => item.json)" for node in requests)
    gather = {
        **_fields("Gather", {}),
        "parameters": {"mode": "raw", "jsonOutput": f"={{{{ ({{ {said} }}) }}}}", "options": {}},
        "executeOnce": True,
    }
    nodes = [chat, _fields("Settings", settings | {"base_url": url}), *requests, gather]
    return Chain("guide", "", "", credential, nodes=nodes)


def trapped(url: str, credential: Credential) -> Chain:
    """The first of them, with two braces at the end of the object in it."""
    method, address, _ = snippets()[0]
    settings = _fields("Settings", {"base_url": url, "conversation": "={{ $json.body.session }}"})
    body = "{{ JSON.stringify({ content: 'x', sender: { role: 'user' }}) }}"
    return Chain("guide-trap", "", "", credential, nodes=[settings, _request(0, method, address, body, credential)])


def _fields(name: str, values: dict[str, str]) -> dict[str, Any]:
    assignments = [{"id": one, "name": one, "value": value, "type": "string"} for one, value in values.items()]
    parameters = {"assignments": {"assignments": assignments}, "options": {}}
    return {"name": name, "type": "n8n-nodes-base.set", "typeVersion": 3.5, "parameters": parameters}


def _request(number: int, method: str, url: str, body: str, credential: Credential) -> dict[str, Any]:
    """As the guide says how to fill it in."""
    parameters: dict[str, Any] = {
        "method": method,
        "url": f"={url}",
        "authentication": "genericCredentialType",
        "genericAuthType": CREDENTIAL,
        "options": {},
    }
    if body:
        parameters |= {"sendBody": True, "contentType": "json", "specifyBody": "json", "jsonBody": f"={body}"}
    return {
        "name": f"{number}: {method} {url.rpartition('}}')[2] or '/'}",
        "type": "n8n-nodes-base.httpRequest",
        "typeVersion": 4.5,
        "parameters": parameters,
        "credentials": {CREDENTIAL: {"id": None, "name": credential.name}},
        "executeOnce": True,
    }
