"""The running parts that the gateway's routes work on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from .keys import Keys
from .lite import Lite
from .postgres import Postgres


@dataclass
class Fault:
    """A fault of the next `times` REST calls."""

    times: int
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    abort: bool = False
    after: bool = False
    """Whether the call is made, and only its answer is lost."""


@dataclass
class Parts:
    """The parts of one project, and the faults that tests injected."""

    keys: Keys
    postgres: Postgres
    lite: Lite
    http: aiohttp.ClientSession
    url: str
    fault: Fault | None = None
    jwks_answer: str | None = None
    """Sent instead of the public keys, if set."""
    signing_in: bool = True
    """Whether users may sign in with a password."""

    def take_fault(self) -> Fault | None:
        """The fault for this call, if any; it counts as used."""
        fault = self.fault
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.fault = None
        return fault


PARTS = web.AppKey("parts", Parts)

NO_TOKEN = "This endpoint requires a valid Bearer token"  # a message of Auth's


def json_error(status: int, **body: Any) -> web.Response:
    """An error answer in JSON."""
    return web.json_response(body, status=status)


__all__ = ["NO_TOKEN", "PARTS", "Fault", "Parts", "json_error"]
