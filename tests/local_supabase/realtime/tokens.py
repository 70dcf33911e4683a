"""Tokens of sockets and channels, and Realtime's answers to invalid ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt

Claims = dict[str, Any]
Verify = Callable[[str], Claims]
"""Returns a token's claims. Raises jwt.InvalidTokenError."""


class BadToken(Exception):
    """The text is the reason in the answer to a join, `words` that of a refused handshake, `system` that of a system
    message."""

    def __init__(self, reason: str, words: str, *, handshake: str | None = None, system: str | None = None) -> None:
        super().__init__(f"{reason}: {words}")
        self.words, self.system = handshake or words, system or words


def verified_claims(token: str, verify: Verify) -> Claims:
    """The claims of a valid token. Raises BadToken."""
    try:
        claims = verify(token)
    except jwt.ExpiredSignatureError:
        raise BadToken("InvalidJWTToken", _expired(token), handshake="Token has expired") from None
    except jwt.MissingRequiredClaimError:
        raise BadToken("InvalidJWTToken", "Fields `role` and `exp` are required in JWT") from None
    except jwt.InvalidSignatureError:
        raise _forged() from None
    except jwt.DecodeError:
        raise BadToken("MalformedJWT", "The token provided is not a valid JWT") from None
    except jwt.InvalidTokenError:
        raise _forged() from None
    return claims


def _forged() -> BadToken:
    # A system message contains the server's own name of the error.
    return BadToken("JwtSignatureError", "Failed to validate JWT signature", system=":signature_error")


def expiry_words(claims: Claims) -> str:
    """The system message to a channel whose token has expired."""
    return f"Token has expired {max(0, int(time.time() - claims['exp']))} seconds ago"


def _expired(token: str) -> str:
    return expiry_words(jwt.decode(token, options={"verify_signature": False}))


__all__ = ["BadToken", "Claims", "Verify", "expiry_words", "verified_claims"]
