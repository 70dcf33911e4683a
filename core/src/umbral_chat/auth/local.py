"""Without a key: whoever reaches the loopback address is the local administrator."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Final

from umbral_chat.auth.rights import ALL_RIGHTS
from umbral_chat.providers.auth import Principal

LOCAL: Final = Principal(kind="local", subject="local", rights=ALL_RIGHTS)
"""The local administrator."""


class LocalAuthenticator:
    """Gives a request without credentials the local administrator.

    It looks at nothing: hand it to the `Gate` only when no key is configured and the service listens on loopback
    alone. A request that does bring credentials is judged by them.
    """

    name = "local"

    def principal(self) -> Principal:
        """The local administrator."""
        return LOCAL


def is_loopback(host: str) -> bool:
    """Whether `host` (an address, or `localhost`; no port) is this machine's own.

    Other names are not resolved and are not loopback: what a resolver says may change between check and use.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


__all__ = ["LOCAL", "LocalAuthenticator", "is_loopback"]
