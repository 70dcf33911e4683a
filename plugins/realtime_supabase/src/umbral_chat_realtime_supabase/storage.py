"""The storage: history and shared store over one client, and the periodic sweep of both."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, NewerSchema, StoreError
from umbral_chat.providers.history import Storage
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import CallFailed, Calls
from umbral_chat_realtime_supabase.client import client
from umbral_chat_realtime_supabase.failures import FATAL
from umbral_chat_realtime_supabase.history import SupabaseHistory
from umbral_chat_realtime_supabase.membership_events import MembershipEvents
from umbral_chat_realtime_supabase.migration_files import newest
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.store import SupabaseStore

START_TIMEOUT = 30.0
"""Seconds for which a start tries to reach the project."""

SWEEP_INTERVAL = 60.0
"""Seconds between sweeps of each instance, on average: each is drawn between half of it and 1.5 times."""

_log = logging.getLogger(__name__)


def open_storage(settings: Supabase, key: Secret, clock: Clock, telemetry: Telemetry) -> Storage:
    """The storage in the project's database. Entering its lifespan connects; it raises StoreError when the project
    cannot be used as it is, or does not answer within START_TIMEOUT."""
    calls = Calls(settings, clock, telemetry)
    membership_events = MembershipEvents()
    history = SupabaseHistory(calls, membership_events)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with client(settings, key) as opened:
            calls.client = opened
            try:
                await _check(calls, clock)
                sweeping = asyncio.create_task(_sweep(history, clock), name="supabase: sweep")
                try:
                    yield
                finally:
                    sweeping.cancel()
                    with suppress(asyncio.CancelledError):
                        await sweeping
            finally:
                calls.client = None

    return Storage("supabase", history, SupabaseStore(calls, membership_events), lifespan())


async def _check(calls: Calls, clock: Clock) -> None:
    state = await _wait_for_database(calls, clock)
    if state.schema < newest():
        raise StoreError(
            f"The project's database has Umbral Chat's migrations up to {state.schema}, and this version needs "
            f"{newest()}. Run `umbral-chat supabase migrate`."
        )
    if state.schema > newest():
        raise NewerSchema(
            f"The project's database has Umbral Chat's migrations up to {state.schema}, and this version knows them up "
            f"to {newest()}. Upgrade umbral-chat-realtime-supabase."
        )


async def _wait_for_database(calls: Calls, clock: Clock) -> rpc_results.DatabaseState:
    end = clock.monotonic() + START_TIMEOUT
    # Without jitter: an operator waits for this start.
    backoff = Backoff(initial=0.5, maximum=5.0, multiplier=2.0, jitter="none")
    while True:
        pause = backoff.next()
        try:
            return await calls.call(rpc_results.DatabaseState, "state")
        except CallFailed as error:
            if error.failure.reason in FATAL or clock.monotonic() + pause > end:
                raise StoreError(f"The Supabase storage cannot be used. {error.detail}") from error
            _log.warning("Supabase does not answer yet: %s", error.detail)
        await clock.sleep(pause)


async def _sweep(history: SupabaseHistory, clock: Clock) -> None:
    while True:
        await clock.sleep(SWEEP_INTERVAL * random.uniform(0.5, 1.5))  # noqa: S311  # spreads instances
        try:
            await history.sweep()
        except HistoryUnavailable as error:
            _log.warning("Sweeping the Supabase storage failed and will be tried again: %s", error)
        except Exception:  # noqa: BLE001  # no error may end the sweeping
            _log.exception("Sweeping the Supabase storage failed and will be tried again.")


__all__ = ["START_TIMEOUT", "SWEEP_INTERVAL", "open_storage"]
