"""The project's public keys: read rarely, kept while the project does not answer."""

from __future__ import annotations

import asyncio
import logging

import httpx
import jwt
import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import SettingsError, Unavailable
from umbral_chat.model.depth import DEPTH, is_deeper

from umbral_chat_realtime_supabase.calling import transport
from umbral_chat_realtime_supabase.users.verify import PUBLIC

_log = logging.getLogger(__name__)

SIZE = 64 * 1024
"""Most bytes of an answer."""

AFTER_FAILURE = 2.0
"""Seconds until the next try when the project did not answer."""

STALE = 24 * 3600.0
"""Seconds for which keys are used that could not be read anew."""


class _Answer(msgspec.Struct):
    keys: list[dict[str, object]]


class Jwks:
    """Keys by their `kid` (GET /auth/v1/.well-known/jwks.json, which needs no API key)."""

    def __init__(self, url: str, clock: Clock, *, ttl: float, cooldown: float, timeout: float) -> None:
        self._url, self._clock = url, clock
        self._ttl, self._cooldown, self._timeout = ttl, cooldown, timeout
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at: float | None = None
        """When they were read with success."""
        self._not_before = 0.0
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """The key of that name; None: the project has none of it. Raises Unavailable when that cannot be told.

        An unknown name makes the keys be read anew, at most once a cooldown, however many ask.
        """
        if self._fresh() and kid in self._keys:
            return self._keys[kid]
        async with self._lock:
            # Another may have read them while we waited.
            if not (self._fresh() and kid in self._keys) and self._clock.monotonic() >= self._not_before:
                await self._refresh()
        if self._read_at is None or self._clock.monotonic() - self._read_at > STALE:
            raise Unavailable("Supabase's public keys cannot be read now, so nobody's token can be checked.")
        return self._keys.get(kid)

    def _fresh(self) -> bool:
        return self._read_at is not None and self._clock.monotonic() - self._read_at < self._ttl

    async def _refresh(self) -> None:
        try:
            found = await self._fetch()
        except SettingsError as error:
            _log.warning("Supabase's public keys cannot be read from %s: %s", self._url, error)
            self._not_before = self._clock.monotonic() + min(self._cooldown, AFTER_FAILURE)
            return
        except (httpx.HTTPError, TimeoutError, ValueError, msgspec.MsgspecError, jwt.PyJWTError) as error:
            _log.warning("Supabase's public keys cannot be read from %s: %s", self._url, type(error).__name__)
            self._not_before = self._clock.monotonic() + min(self._cooldown, AFTER_FAILURE)
            return
        self._keys = found
        self._read_at = self._clock.monotonic()
        self._not_before = self._read_at + self._cooldown

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        body = b""
        async with (
            asyncio.timeout(self._timeout),
            httpx.AsyncClient(timeout=self._timeout, transport=transport(self._url)) as client,
            client.stream("GET", self._url) as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > SIZE:
                    raise ValueError("the answer is too long")
        if is_deeper(body, DEPTH):
            raise ValueError("the answer is nested too deep")
        keys = {}
        for each in msgspec.json.decode(body, type=_Answer).keys:
            kid, algorithm = each.get("kid"), each.get("alg")
            # A key of a kind that we do not know, or that is broken, must not hide the others.
            if isinstance(kid, str) and isinstance(algorithm, str) and algorithm in PUBLIC:
                try:
                    keys[kid] = jwt.PyJWK(each)
                except Exception as error:  # noqa: BLE001  # whatever the members' types bring up in the libraries
                    _log.warning("Supabase's public key %r cannot be used: %s", kid[:64], type(error).__name__)
        return keys


__all__ = ["Jwks"]
