"""Presence of one process, without other instances."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from umbral_chat.clock import Clock

from umbral_chat_presence.provider import EnginePresence
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.state.pseudonyms import KEY_BYTES, Pseudonyms
from umbral_chat_presence.waits import background_task

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry


class MemoryPresence(EnginePresence):
    """The people at this instance alone. After a restart nobody is present until their devices report again."""

    name = "memory"

    def __init__(self, settings: PresenceSettings, clock: Clock, telemetry: Telemetry) -> None:
        names = Pseudonyms(secrets.token_bytes(KEY_BYTES))
        super().__init__(Engine(settings, names, "here"), clock, telemetry)
        self.lifespan: AbstractAsyncContextManager[object] = self._run()

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        async with background_task(self.tick(), "presence: time"):
            yield


__all__ = ["MemoryPresence"]
