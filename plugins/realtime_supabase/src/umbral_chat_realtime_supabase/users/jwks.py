"""The project's public keys, cached, also while the project does not answer."""

from __future__ import annotations

import asyncio
import logging

import httpx
import jwt
import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import SettingsError, Unavailable
from umbral_chat.model.depth import DEPTH, is_deeper

from umbral_chat_realtime_supabase.http_transport import http_transport
from umbral_chat_realtime_supabase.users.verify import PUBLIC_ALGORITHMS

_log = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024
"""Longest answer, in bytes."""

RETRY_INTERVAL = 2.0
"""Longest time in seconds until the next try when the project did not answer."""

MAX_STALE = 24 * 3600.0
"""Seconds for which keys are used that could not be refreshed."""


class _Answer(msgspec.Struct):
    keys: list[dict[str, object]]


class Jwks:
    """Keys by their `kid` (GET /auth/v1/.well-known/jwks.json, which needs no API key)."""

    def __init__(self, url: str, clock: Clock, *, ttl: float, cooldown: float, timeout: float) -> None:
        self._url, self._clock = url, clock
        self._ttl, self._cooldown, self._timeout = ttl, cooldown, timeout
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at: float | None = None
        """When they were last read, in monotonic seconds."""
        self._not_before = 0.0
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """The key with this `kid`; None: the project has none. Raises Unavailable when the keys cannot be read.

        An unknown `kid` refreshes the keys, at most once a cooldown, however many callers ask.
        """
        if self._fresh() and kid in self._keys:
            return self._keys[kid]
        async with self._lock:
            # Another caller may have refreshed them meanwhile.
            if not (self._fresh() and kid in self._keys) and self._clock.monotonic() >= self._not_before:
                await self._refresh()
        if self._read_at is None or self._clock.monotonic() - self._read_at > MAX_STALE:
            raise Unavailable("Supabase's public keys cannot be read now, so no token can be verified.")
        return self._keys.get(kid)

    def _fresh(self) -> bool:
        return self._read_at is not None and self._clock.monotonic() - self._read_at < self._ttl

    async def _refresh(self) -> None:
        try:
            found = await self._fetch()
        except SettingsError as error:
            _log.warning("Supabase's public keys cannot be read from %s: %s", self._url, error)
            self._not_before = self._clock.monotonic() + min(self._cooldown, RETRY_INTERVAL)
            return
        except (httpx.HTTPError, TimeoutError, ValueError, msgspec.MsgspecError, jwt.PyJWTError) as error:
            _log.warning("Supabase's public keys cannot be read from %s: %s", self._url, type(error).__name__)
            self._not_before = self._clock.monotonic() + min(self._cooldown, RETRY_INTERVAL)
            return
        self._keys = found
        self._read_at = self._clock.monotonic()
        self._not_before = self._read_at + self._cooldown

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        body = b""
        async with (
            asyncio.timeout(self._timeout),
            httpx.AsyncClient(timeout=self._timeout, transport=http_transport(self._url)) as client,
            client.stream("GET", self._url) as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError("the answer is too long")
        if is_deeper(body, DEPTH):
            raise ValueError("the answer is nested too deep")
        keys = {}
        for each in msgspec.json.decode(body, type=_Answer).keys:
            kid, algorithm = each.get("kid"), each.get("alg")
            # A key of an unknown kind, or a malformed one, must not hide the others.
            if isinstance(kid, str) and isinstance(algorithm, str) and algorithm in PUBLIC_ALGORITHMS:
                try:
                    keys[kid] = jwt.PyJWK(each)
                except Exception as error:  # noqa: BLE001  # the libraries raise anything for members of odd types
                    _log.warning("Supabase's public key %r cannot be used: %s", kid[:64], type(error).__name__)
        return keys


__all__ = ["Jwks"]
