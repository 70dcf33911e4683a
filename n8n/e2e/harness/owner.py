"""The owner of a running n8n, and a key of theirs for its public API."""

import http.client
import json
from typing import Any

SCOPES = ["execution:list", "execution:read", "execution:stop", "workflow:read"]


def new_api_key(port: int) -> str:
    """Set the owner up, who is nobody, and make a key with the scopes that the bridge needs."""
    owner = {
        "email": "owner@example.com",
        "firstName": "Test",
        "lastName": "Owner",
        "password": "Only-for-this-throw-away-n8n-1",
    }
    cookie, _ = _post(port, "/rest/owner/setup", owner, None)
    _, made = _post(port, "/rest/api-keys", {"label": "bridge", "scopes": SCOPES, "expiresAt": None}, cookie)
    return str(made["data"]["rawApiKey"])


def _post(port: int, path: str, body: object, cookie: str | None) -> tuple[str, Any]:
    headers = {"Content-Type": "application/json"} | ({} if cookie is None else {"Cookie": cookie})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        assert response.status < 300, (path, response.status, text[:500])
        given = (response.headers.get("Set-Cookie") or "").partition(";")[0]
        return given, json.loads(text)
    finally:
        connection.close()
