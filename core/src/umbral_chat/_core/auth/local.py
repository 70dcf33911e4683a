"""Without keys, every caller that reaches the loopback address is the local administrator."""

from __future__ import annotations

from typing import Final

from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat.providers.auth import Principal

LOCAL: Final = Principal(kind="local", subject="local", rights=ALL_RIGHTS)
"""The local administrator."""


class LocalAuthenticator:
    """Authenticates a request without credentials as the local administrator.

    It checks nothing: pass it to the `Gate` only when no key is configured and the service listens on loopback alone.
    A request that has credentials is authenticated by them.
    """

    name = "local"

    def principal(self) -> Principal:
        """The local administrator."""
        return LOCAL


__all__ = ["LOCAL", "LocalAuthenticator"]
