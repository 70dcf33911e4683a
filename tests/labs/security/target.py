"""The service under attack: a process of our own on loopback, its memory, and what a caller needs for it."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service

KEY = "security-lab-key-for-tests-only-1"
SECRET = "security-lab-secret-for-tests-only-0001"
DESCRIPTORS = 512
"""What the process may open: few, so that taking all of its connections is quick."""


class Target:
    """A running service."""

    def __init__(self, folder: Path, *, keyless: bool = False) -> None:
        # Deadlines as shipped would take longer than the lab; what they do does not depend on their length.
        settings = {
            "TELEMETRY__HTTP": "true",
            "CORE__LIMITS__HEADER_TIMEOUT": "3",
            "CORE__LIMITS__BODY_TIMEOUT": "3",
            "CORE__LIMITS__WRITE_TIMEOUT": "3",
            "CORE__LIMITS__KEEP_ALIVE": "6",
        }
        if not keyless:
            settings["CORE__KEYS"] = json.dumps([{"name": "lab", "key": KEY}])
            settings["CORE__TOKEN_SECRETS"] = json.dumps([SECRET])
        command = f"ulimit -S -n {DESCRIPTORS}; exec umbral-chat serve"
        self.service = Service(f"sh -c {shlex.quote(command)}", folder, **settings)
        self.key = None if keyless else KEY

    @property
    def port(self) -> int:
        return self.service.port

    @property
    def log(self) -> str:
        """Everything that it logged."""
        return self.service.log.read_text("utf-8", "replace")

    def memory(self) -> int:
        """Resident memory now, in MB."""
        for line in Path(f"/proc/{self.service.pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
        raise RuntimeError("the service has ended")

    def connection(self, key: str | None = None) -> Connection:
        """For a caller who behaves: with the lab's key, or another or a token."""
        return Connection("127.0.0.1", self.port, key=key or self.key)

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, Any]:
        """One request on a connection of its own: the status, and the body as JSON where it is that."""
        connection = self.connection(more.pop("key", None))
        try:
            answer = await connection.ask(method, path, body, **more)
        finally:
            connection.close()
        try:
            return answer.status, answer.json()
        except ValueError:
            return answer.status, answer.body

    async def token(self, conversation: str, subject: str) -> str:
        """A visitor's."""
        status, told = await self.ask("POST", "/v1/tokens", {"conversation": conversation, "subject": subject})
        assert status in {200, 201}, told
        return str(told["token"])


async def raw(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which anything may be said."""
    return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 10)


__all__ = ["DESCRIPTORS", "KEY", "Target", "raw"]
