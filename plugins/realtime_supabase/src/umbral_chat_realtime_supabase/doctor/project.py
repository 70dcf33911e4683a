"""The project that is examined, and the ways to ask it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
from umbral_chat.clock import Clock
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.calling import transport
from umbral_chat_realtime_supabase.calls import CallFailed, Calls
from umbral_chat_realtime_supabase.client import client
from umbral_chat_realtime_supabase.doctor.answers import Diagnosis, Ended
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.topics import INSTANCE

PATIENCE = 5.0
"""Seconds for one answer, at most: a doctor who waits as long as the service does says too little too late."""

_CONVERSATION = "umbral-chat-doctor:"


class Trial(msgspec.Struct, frozen=True):
    """A conversation and a topic of the doctor's own, of names that nobody else has."""

    conversation: str
    topic: str


class Project:
    """Its settings, and calls with the service's key. Nothing is kept open between two questions."""

    def __init__(self, settings: Supabase, clock: Clock, telemetry: Telemetry) -> None:
        self.settings = msgspec.structs.replace(
            settings,
            retries=0,
            timeout=min(settings.timeout, PATIENCE),
            connect_timeout=min(settings.connect_timeout, PATIENCE),
        )
        self.clock = clock
        self.began = clock.monotonic()
        """When examining began, in monotonic seconds."""
        self.left_behind: list[str] = []
        """What could not be taken away again."""
        self._telemetry = telemetry

    @property
    def base(self) -> str:
        """Its URL."""
        return self.settings.base

    @property
    def key(self) -> Secret:
        """The service's key."""
        if self.settings.key is None:
            raise AssertionError("lines that need the key are made only where there is one")
        return self.settings.key

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Calls]:
        """Calls of the database's functions, each tried once."""
        calls = Calls(self.settings, self.clock, self._telemetry)
        async with client(self.settings, self.key) as opened:
            calls.client = opened
            yield calls

    @asynccontextmanager
    async def http(self) -> AsyncIterator[httpx.AsyncClient]:
        """Plain HTTP, without a key."""
        timeout = httpx.Timeout(self.settings.timeout, connect=self.settings.connect_timeout)
        async with httpx.AsyncClient(base_url=self.base, timeout=timeout, transport=transport(self.base)) as opened:
            yield opened

    async def diagnosis(self) -> Diagnosis:
        """What the database says now. Raises CallFailed."""
        async with self.calling() as calls:
            return await calls.call(Diagnosis, "diagnosis")

    @asynccontextmanager
    async def trial(self, calls: Calls) -> AsyncIterator[Trial]:
        """Names to try with; whatever came to be under them is taken away in the end."""
        drawn = secrets.token_hex(16)
        trial = Trial(_CONVERSATION + drawn, f"{INSTANCE}doctor-{drawn}")
        try:
            yield trial
        finally:
            try:
                ended = await calls.call(Ended, "diagnosis_end", conversation=trial.conversation)
            except CallFailed:
                self.left_behind.append(f"conversation {trial.conversation}")
            else:
                if ended.unerased is not None:
                    self.left_behind.append(f"broadcasts of {trial.conversation} ({ended.unerased})")


__all__ = ["PATIENCE", "Project", "Trial"]
