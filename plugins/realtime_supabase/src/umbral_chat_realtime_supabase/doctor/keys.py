"""API keys as they look: opaque ones, and the legacy ones, which are JWTs with a role and a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import msgspec

SOON = timedelta(days=30)
"""A key that expires sooner is a fault: nobody notices it in time otherwise."""


class Legacy(msgspec.Struct, frozen=True):
    """What a legacy key says of itself, unverified."""

    role: str | None
    until: datetime | None

    def expiry(self, now: datetime) -> str | None:
        """What is wrong with its time, if anything."""
        if self.until is None or self.until > now + SOON:
            return None
        return f"{'expired' if self.until <= now else 'expires'} on {self.until:%Y-%m-%d}"


def legacy(key: str) -> Legacy | None:
    """The legacy key; None: it is an opaque one."""
    try:
        claims = jwt.decode(key, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None
    role, until = claims.get("role"), claims.get("exp")
    try:
        ends = datetime.fromtimestamp(until, UTC) if isinstance(until, int | float) else None
    except (OverflowError, ValueError, OSError):
        ends = None
    return Legacy(role if isinstance(role, str) else None, ends)


__all__ = ["SOON", "Legacy", "legacy"]
