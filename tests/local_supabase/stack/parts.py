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
    """What the next `times` REST calls meet instead of an answer."""

    times: int
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    abort: bool = False
    after: bool = False
    """The call is done, and its answer is lost."""


@dataclass
class Parts:
    """One project."""

    keys: Keys
    postgres: Postgres
    lite: Lite
    http: aiohttp.ClientSession
    url: str
    fault: Fault | None = None
    jwks_answer: str | None = None
    """What is answered instead of the public keys."""
    signing_in: bool = True
    """Whether users may sign in with a password."""

    def take_fault(self) -> Fault | None:
        """The fault that this call meets."""
        fault = self.fault
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.fault = None
        return fault


PARTS = web.AppKey("parts", Parts)


def refused(status: int, **body: Any) -> web.Response:
    """An error in JSON."""
    return web.json_response(body, status=status)


__all__ = ["PARTS", "Fault", "Parts", "refused"]
