"""Connecting to a host of a user: its addresses are judged after the resolver named them, and one of exactly these is
connected to, so that a name that resolves differently a moment later changes nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpcore

from umbral_chat.http_kit.outbound.addresses import Address, Network, refusal
from umbral_chat.http_kit.outbound.errors import OutboundError

if TYPE_CHECKING:
    from httpcore import SOCKET_OPTION

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The addresses of a host, in order of preference. Raises OSError when there are none."""

RESOLVER_THREADS = 8
"""The system's resolver blocks its caller, for half a minute where a name server is silent. It has threads of its own,
so that names chosen by users do not take those of everything else."""

ADDRESSES_TRIED = 4
"""Addresses of a host that are connected to, one after the other: two of each family, mostly."""


async def resolve(host: str, port: int) -> Sequence[Address]:
    """The addresses by the system's resolver, which also reads numbers in decimal, octal and hexadecimal as IPv4
    addresses, as everything does that connects by its name."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_resolver_threads(), _resolve_blocking, host, port)
    return list(dict.fromkeys(found))


def _resolve_blocking(host: str, port: int) -> list[Address]:
    return [
        ip_address(str(address[0])) for _, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]


@cache
def _resolver_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="outbound-resolver")


async def permitted_addresses(
    host: str, port: int, *, allowed: Iterable[Network], resolve: Resolve, timeout: float
) -> list[Address]:
    """The addresses of `host` that may be connected to.

    Raises OutboundError: `host_not_found`, and `refused_url` when there are addresses and none may be. It names the
    kind of the refused ones and not the addresses, which would tell a caller of this network's inside.
    """
    try:
        async with asyncio.timeout(timeout):
            found = await resolve(host, port)
    except TimeoutError:
        raise OutboundError(
            "host_not_found", f"The resolver did not find {host} within {timeout:g} s.", sent=False
        ) from None
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise OutboundError("host_not_found", f"{host} has no address.", sent=False)
    networks = tuple(allowed)
    reasons = {address: refusal(address, networks) for address in found}
    permitted = [address for address, reason in reasons.items() if reason is None]
    if not permitted:
        kinds = ", ".join(sorted({reason for reason in reasons.values() if reason is not None}))
        raise OutboundError(
            "refused_url",
            f"{host} is not on the public internet ({kinds}). If it is meant to be called, list its network in "
            "core.outbound.allow.",
            sent=False,
        )
    return permitted


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to permitted addresses alone. TLS and the header `Host` still have the name, which certificates are for.

    It sits where the connection is made, below whatever parses a URL: no spelling gets past it.
    """

    def __init__(self, *, allowed: Iterable[Network], resolve: Resolve, backend: httpcore.AsyncNetworkBackend) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to one of the host's permitted addresses. Raises OutboundError and what the backend raises."""
        loop = asyncio.get_running_loop()
        limit = 5.0 if timeout is None else timeout
        deadline = loop.time() + limit
        addresses = await permitted_addresses(host, port, allowed=self._allowed, resolve=self._resolve, timeout=limit)
        addresses = addresses[:ADDRESSES_TRIED]
        error: Exception | None = None
        for number, address in enumerate(addresses):
            # An address that is silent leaves time for those after it.
            share = max(0.0, deadline - loop.time()) / (len(addresses) - number)
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout=share, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error or OutboundError("host_not_found", f"{host} has no address.", sent=False)

    async def sleep(self, seconds: float) -> None:
        """See httpcore."""
        await self._backend.sleep(seconds)


__all__ = ["PinnedBackend", "Resolve", "permitted_addresses", "resolve"]
