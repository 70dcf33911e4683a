"""Plain HTTP to the project, through the proxy that the environment names for it, if any."""

from __future__ import annotations

import httpx
from umbral_chat.transport_kit.proxies import proxy_for


def transport(url: str, limits: httpx.Limits | None = None) -> httpx.AsyncHTTPTransport:
    """For a client of `url`: with a transport of its own it does not look for proxies by itself. Raises SettingsError
    for a proxy variable that cannot be used."""
    return httpx.AsyncHTTPTransport(proxy=proxy_for(url), limits=limits or httpx.Limits())


__all__ = ["transport"]
