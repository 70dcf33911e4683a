"""The form of a URL that a user gave for calls. Pure: what its name resolves to is judged when it is connected to."""

from __future__ import annotations

import re
from typing import NamedTuple

import httpx

from umbral_chat.errors import InvalidRequest

URL_LIMIT = 2_048
"""Longest URL, in characters. Many proxies and servers refuse longer ones."""

PORTS = {"http": 80, "https": 443}

FIRST_OPEN_PORT = 1_024
"""Ports below are those of mail servers, shells and the like, to which no webhook belongs, save 80 and 443."""


class CallUrl(NamedTuple):
    """A URL to call, parsed once: what was judged is what is called."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """The value of the header `Host`: the host, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(text: str, *, field: str = "url", trusted: bool = False) -> CallUrl:
    """The parts of `text`; `trusted`: it is out of the deployer's settings, and may have any port.

    Raises InvalidRequest (`refused_url`) with `field`. The message does not repeat the URL: its path may be a secret.
    """

    def refused(why: str, limit: int | None = None) -> InvalidRequest:
        return InvalidRequest(f"{field} cannot be called: {why}.", code="refused_url", field=field, limit=limit)

    if len(text) > URL_LIMIT:
        raise refused(f"it has more than {URL_LIMIT} characters", URL_LIMIT)
    if not text.isascii() or not text.isprintable() or set(text) & set(' \\"<>^`{|}'):
        raise refused("it has spaces, backslashes or characters outside of ASCII; write them percent-encoded")
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError):
        raise refused("it is not a URL") from None
    if url.scheme not in PORTS:
        raise refused("it does not begin with https:// or http://")
    if "@" in re.split("[/?#]", text.partition("://")[2], maxsplit=1)[0]:
        raise refused("it has a user's name or password in it (before @)")
    host = url.raw_host.decode("ascii")
    if not host or "%" in host:
        raise refused("it names no host")
    if port is None:
        port = PORTS[url.scheme]
    if not (0 < port < 65_536) or (not trusted and port < FIRST_OPEN_PORT and port not in PORTS.values()):
        raise refused(f"its port is not 80, 443, or {FIRST_OPEN_PORT} and above")
    return CallUrl(url.scheme, host, port, url.raw_path.decode("ascii"))


__all__ = ["URL_LIMIT", "CallUrl", "parse_url"]
