"""Which pages may open a stream. Pure.

CORS does not answer this: a browser opens a WebSocket for any page, and lets it read what comes; an EventSource's
request it sends before it knows whether the page may read the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from umbral_chat.errors import Forbidden

_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


class OriginCheck:
    """The origins of pages that may open a stream or get a ticket: our own, and those of `core.cors_origins`.

    Our own are that of `core.public_url`, and the host that the request was sent to.
    """

    def __init__(self, allowed: Iterable[str], public_url: str | None) -> None:
        self._allowed = frozenset(allowed)
        self._own = None if public_url is None else _authority(public_url)

    def __call__(self, scope: Mapping[str, Any]) -> None:
        """Let a request or handshake pass. Without `Origin` it is of a program, or a page's own plain GET.

        Raises Forbidden (`origin_refused`): a page of another origin sent it.
        """
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if not origins:
            return
        text = origins[0].decode("latin-1")
        if len(origins) == 1 and ("*" in self._allowed or text in self._allowed or self.is_own(text, scope)):
            return
        raise Forbidden(
            f"Pages of {text[:200]!r} may not open streams here: name the origin in core.cors_origins.",
            code="origin_refused",
        )

    def is_own(self, origin: str, scope: Mapping[str, Any]) -> bool:
        """Whether a page of this origin is the service's own, as the request reached it."""
        page = _authority(origin)
        if page is None or urlsplit(origin).scheme not in {"http", "https"}:
            return False
        if page == self._own:
            return True
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        # Behind a proxy that ends TLS the scheme of the request is not the page's, so only the host is compared.
        return len(hosts) == 1 and _host(page) == _host(_authority(f"{urlsplit(origin).scheme}://{_text(hosts[0])}"))


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _authority(url: str) -> tuple[str, str, str] | None:
    """Scheme, host and port; None for what has none, such as the origin `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # an invalid address or port
        return None
    if not parts.hostname:
        return None
    return parts.scheme, parts.hostname, str(port) if port is not None else _DEFAULT_PORTS.get(parts.scheme, "")


def _host(authority: tuple[str, str, str] | None) -> tuple[str, str] | None:
    return None if authority is None else authority[1:]


__all__ = ["OriginCheck"]
