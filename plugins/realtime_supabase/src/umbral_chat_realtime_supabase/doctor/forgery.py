"""Tokens that nobody may believe."""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt


def forged(issuer: str, subject: str, real: str | None) -> dict[str, str]:
    """By what is wrong with it: each says that it is the service. `real` is a user's token whose role is changed."""
    now = int(time.time())
    claims = {
        "iss": issuer, "sub": subject, "aud": "authenticated", "role": "service_role", "iat": now, "exp": now + 3600
    }  # fmt: skip
    found = {
        "made-up secret": jwt.encode(claims, secrets.token_hex(32), "HS256"),
        "unsigned": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}.",
    }
    if real is not None:
        header, payload, signature = real.split(".")
        changed: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        found["changed role"] = f"{header}.{_part(changed | {'role': 'service_role'})}.{signature}"
    return found


def _part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


__all__ = ["forged"]
