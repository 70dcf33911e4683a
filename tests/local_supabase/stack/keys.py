"""Keys of a project: API keys, legacy ones, and the keys that sign users' tokens."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ANON, SERVICE = "anon", "service_role"
_DECADE = 10 * 365 * 86_400


@dataclass(frozen=True)
class SigningKey:
    """An ES256 key and its name in the JWKS."""

    kid: str
    private: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> dict[str, Any]:
        """Its entry in the JWKS."""
        shown: dict[str, Any] = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return shown | {"kid": self.kid, "alg": "ES256", "use": "sig", "key_ops": ["verify"]}


def draw_signing_key() -> SigningKey:
    """A new random key."""
    return SigningKey(secrets.token_hex(8), ec.generate_private_key(ec.SECP256R1()))


@dataclass
class Keys:
    """All keys of one project. The newest signing key signs; all of them verify."""

    publishable: str = field(default_factory=lambda: f"sb_publishable_{secrets.token_urlsafe(16)}")
    secret: str = field(default_factory=lambda: f"sb_secret_{secrets.token_urlsafe(24)}")
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    signing: list[SigningKey] = field(default_factory=lambda: [draw_signing_key()])
    accept_any_token: bool = False
    """Whether tokens are accepted without verifying their signatures."""

    def legacy(self, role: str) -> str:
        """The legacy key of a role."""
        now = int(time.time())
        claims = {"iss": "supabase", "ref": "local", "role": role, "iat": now, "exp": now + _DECADE}
        return jwt.encode(claims, self.jwt_secret, "HS256")

    def role_of(self, apikey: str) -> str | None:
        """The role of an API key; None: it is not a key of the project."""
        if apikey == self.publishable:
            return ANON
        if apikey == self.secret:
            return SERVICE
        try:
            claims = jwt.decode(apikey, self.jwt_secret, ["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None
        role = claims.get("role")
        return role if role in {ANON, SERVICE} else None

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign a user's token."""
        key = self.signing[-1]
        return jwt.encode(claims, key.private, "ES256", {"kid": key.kid})

    def sign_for_upstream(self, claims: dict[str, Any]) -> str:
        """Sign the claims for REST and Auth behind the gateway, which only verify HS256."""
        return jwt.encode(claims, self.jwt_secret, "HS256")

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a user's or a legacy token. Raises jwt.InvalidTokenError."""
        if self.accept_any_token:
            unverified: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
            return unverified
        kid = jwt.get_unverified_header(token).get("kid")
        options: Any = {"verify_aud": False, "require": ["exp", "role"]}
        for key in self.signing:
            if key.kid == kid:
                found: dict[str, Any] = jwt.decode(token, key.private.public_key(), ["ES256"], options=options)
                return found
        legacy: dict[str, Any] = jwt.decode(token, self.jwt_secret, ["HS256"], options=options)
        return legacy

    def rotate(self, *, drop: bool) -> None:
        """Sign with a new key from now on; `drop` forgets the old ones."""
        self.signing = [*([] if drop else self.signing), draw_signing_key()]


__all__ = ["ANON", "SERVICE", "Keys", "SigningKey", "draw_signing_key"]
