"""What a check is given, and what it finds."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser

from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service

from .run import Stage


@dataclass(frozen=True)
class Lab:
    """One service with keys, one browser, and how much is to be done."""

    service: Service
    api: Connection
    """With the key of a program that may do everything."""
    browser: Browser
    key: str
    """Of the operators."""
    server: str
    """The command of the service."""
    site: str
    """The origin of a site that has the chat by one script tag."""
    short: bool = False
    within: float = 0.0
    """Milliseconds in which a message must be on the other screens, at most."""

    payloads: int = 0
    """Attacks that are tried, evenly taken from the list; 0: all, or some where it is to be short."""

    @asynccontextmanager
    async def stage(self, name: str, *, operator: bool = False) -> AsyncIterator[Stage]:
        """A conversation of its own; its pages are closed at the end."""
        stage = Stage(
            self.service, self.api, self.browser, self.key, f"{name}.{secrets.token_hex(3)}", operator=operator
        )
        try:
            yield stage
        finally:
            await stage.close()


@dataclass
class Found:
    """What one check found."""

    violations: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    """What was measured, by its name."""

    def measured(self, name: str, values: Sequence[float], unit: str = "ms") -> None:
        """Add the median and the worst of some values."""
        if values:
            self.figures[name] = (
                f"median {statistics.median(values):,.0f} {unit}, worst {max(values):,.0f} {unit} of {len(values)}"
            )


Check = Callable[[Lab], Awaitable[Found]]

__all__ = ["Check", "Found", "Lab"]
