"""The transport of HTTP clients for the project: through the proxy that the environment names for it, if any."""

from __future__ import annotations

import httpx
from umbral_chat.transport_kit.certificates import trusted_certificates
from umbral_chat.transport_kit.proxies import proxy_for


def http_transport(url: str, limits: httpx.Limits | None = None) -> httpx.AsyncHTTPTransport:
    """The transport for a client of `url`, which then does not read the proxy variables itself. Raises SettingsError
    for a proxy variable that cannot be used."""
    return httpx.AsyncHTTPTransport(
        proxy=proxy_for(url),
        limits=limits or httpx.Limits(),
        # Reading the certificates takes 30 ms of a processor: plain HTTP does without, and HTTPS shares them.
        verify=not url.lower().startswith("http://") and trusted_certificates(),
    )


__all__ = ["http_transport"]
