"""The service as the demo sees it: JSON in, JSON out, and a refusal is an error that says what was refused."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.labs.kit.http1 import Answer, Connection, NoAnswer

TRIES = 5


class Refused(Exception):
    """The service answered with a problem, or not at all."""


class Target(NamedTuple):
    """Where the service is, and the key for it."""

    url: str
    key: str | None = None

    def client(self) -> Client:
        """A client with a connection of its own."""
        parts = urlsplit(self.url)
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        return Client(Connection(parts.hostname or "", port, key=self.key, prefix=parts.path.rstrip("/"), tls=tls))


class Client:
    """Repeats what got no answer or a 503: the sends carry their idempotency key, so that this repeats nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, conversation: str, role: str, content: str, client_id: str) -> dict[str, Any]:
        """Send one message and return the answer."""
        body = {"content": content, "sender": {"role": role}, "client_id": client_id}
        answer: dict[str, Any] = (await self._ask("POST", f"/v1/conversations/{conversation}/messages", body)).json()
        return answer

    async def get(self, conversation: str, what: str) -> Any:
        """`what` of the conversation, as JSON."""
        return (await self._ask("GET", f"/v1/conversations/{conversation}/{what}")).json()

    async def text(self, conversation: str, what: str) -> str:
        """`what` of the conversation, as text."""
        return (await self._ask("GET", f"/v1/conversations/{conversation}/{what}")).body.decode()

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        why = ""
        for again in range(TRIES):
            try:
                answer = await self._connection.ask(method, path, body, timeout=90.0)
            except NoAnswer as lost:
                why = str(lost)
            else:
                if answer.status in {200, 201}:
                    return answer
                why = f"{answer.status} {answer.body.decode('utf-8', 'replace')[:500]}"
                if answer.status != 503:
                    break
            await asyncio.sleep(0.1 * 2**again)
        raise Refused(f"{method} {path} was answered: {why}")


__all__ = ["Client", "Refused", "Target"]
