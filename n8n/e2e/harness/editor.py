"""n8n's own API, as its editor uses it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from typing import Any

OWNER = "owner@example.com"
KEY_SCOPES = ["execution:list", "execution:read", "execution:stop", "workflow:read"]


class Editor:
    """Logged in as the owner, who is set up here: once for an n8n."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._jar = CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar)).open
        password = "A" + os.urandom(9).hex()
        self.post("/rest/owner/setup", {"email": OWNER, "firstName": "O", "lastName": "W", "password": password})

    def post(self, path: str, body: object, **headers: str) -> Any:
        """The data of an answer. Raises AssertionError where it is an error."""
        return self._call("POST", path, json.dumps(body).encode(), headers)

    def get(self, path: str) -> Any:
        """See `post`."""
        return self._call("GET", path, None, {})

    def publish(self, workflow: str) -> None:
        """As the button does: the newest version."""
        version = self.get(f"/rest/workflows/{workflow}")["versionId"]
        self.post(f"/rest/workflows/{workflow}/activate", {"versionId": version})

    def new_api_key(self) -> str:
        """A key for n8n's public API, with the scopes that the bridge needs."""
        body = {"label": "bridge", "scopes": KEY_SCOPES, "expiresAt": None}
        return str(self.post("/rest/api-keys", body)["rawApiKey"])

    @property
    def cookies(self) -> dict[str, str]:
        """By which n8n knows the owner."""
        return {cookie.name: cookie.value or "" for cookie in self._jar}

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        given = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(self._url + path, body, given, method=method)  # noqa: S310 - our own loopback URL
        try:
            with self._open(request, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:500]!r}") from None
