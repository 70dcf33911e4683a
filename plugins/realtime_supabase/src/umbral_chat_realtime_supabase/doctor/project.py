"""The project that the doctor examines, and how it is called."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
from umbral_chat.clock import Clock
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.calls import CallFailed, Calls
from umbral_chat_realtime_supabase.client import client
from umbral_chat_realtime_supabase.doctor.diagnosis import Diagnosis, ScratchDeleted
from umbral_chat_realtime_supabase.http_transport import http_transport
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.topics import INSTANCE

TIMEOUT = 5.0
"""Seconds for one answer, at most: with the service's own timeouts the doctor would take minutes to report a fault."""

_CONVERSATION = "umbral-chat-doctor:"


class Scratch(msgspec.Struct, frozen=True):
    """A conversation and a topic of the doctor's own, with random names, which are deleted after use."""

    conversation: str
    topic: str


class Project:
    """The project's settings, and calls with the service's key. No connection stays open between two checks."""

    def __init__(self, settings: Supabase, clock: Clock, telemetry: Telemetry) -> None:
        self.settings = msgspec.structs.replace(
            settings,
            retries=0,
            timeout=min(settings.timeout, TIMEOUT),
            connect_timeout=min(settings.connect_timeout, TIMEOUT),
        )
        self.clock = clock
        self.began = clock.monotonic()
        """When examining began, in monotonic seconds."""
        self.left_behind: list[str] = []
        """What could not be deleted, in words."""
        self._telemetry = telemetry

    @property
    def base(self) -> str:
        """The project's URL."""
        return self.settings.base

    @property
    def key(self) -> Secret:
        """The service's key."""
        if self.settings.key is None:
            raise AssertionError("checks that need the key exist only where there is one")
        return self.settings.key

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Calls]:
        """Calls of the database's functions, without retries."""
        calls = Calls(self.settings, self.clock, self._telemetry)
        async with client(self.settings, self.key) as opened:
            calls.client = opened
            yield calls

    @asynccontextmanager
    async def http(self) -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client of the project that sends no key by itself."""
        timeout = httpx.Timeout(self.settings.timeout, connect=self.settings.connect_timeout)
        transport = http_transport(self.base)
        async with httpx.AsyncClient(base_url=self.base, timeout=timeout, transport=transport) as opened:
            yield opened

    async def diagnosis(self) -> Diagnosis:
        """What the database reports about itself now. Raises CallFailed."""
        async with self.calling() as calls:
            return await calls.call(Diagnosis, "diagnosis")

    def admin_headers(self) -> dict[str, str]:
        """Headers with the secret key."""
        key = self.key.reveal()
        return {"apikey": key, "Authorization": f"Bearer {key}"}

    def browser_headers(self, token: str | None = None) -> dict[str, str]:
        """Headers as a browser sends them: the publishable key, and a user's token if there is one."""
        headers = {"apikey": self.settings.publishable_key or ""}
        return headers if token is None else headers | {"Authorization": f"Bearer {token}"}

    @asynccontextmanager
    async def scratch(self, calls: Calls) -> AsyncIterator[Scratch]:
        """New names to test with; what is stored under them is deleted at the end, and what cannot be is added to
        `left_behind`."""
        suffix = secrets.token_hex(16)
        scratch = Scratch(_CONVERSATION + suffix, f"{INSTANCE}doctor-{suffix}")
        try:
            yield scratch
        finally:
            try:
                deleted = await calls.call(ScratchDeleted, "diagnosis_end", conversation=scratch.conversation)
            except CallFailed:
                self.left_behind.append(f"conversation {scratch.conversation}")
            else:
                if deleted.unerased is not None:
                    self.left_behind.append(f"broadcasts of {scratch.conversation} ({deleted.unerased})")


__all__ = ["TIMEOUT", "Project", "Scratch"]
