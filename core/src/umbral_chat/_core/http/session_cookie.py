"""The cookie of an operator's session: how it is named and set, and which requests may use it. Pure.

`SameSite=Strict` keeps requests of other sites out, but a site is more than an origin: pages of other ports and of
sibling domains belong to it (RFC 6265bis, section 5.2). So what changes something has to come from a page of this
service, by its `Origin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from umbral_chat._core.http.local_only import LOOPBACK
from umbral_chat.errors import Forbidden
from umbral_chat.http_kit.origins import OriginCheck

if TYPE_CHECKING:
    from litestar.types import Scope

NAME = "umbral-chat-session"

PREFIX = "__Host-"
"""A browser takes a cookie of such a name only from the host itself, over HTTPS and for all paths (RFC 6265bis, section
4.1.3.2): no sibling domain can plant one, and with it a session of its own."""

SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""

_SAME_ORIGIN = frozenset({b"same-origin", b"none"})
"""Values of `Sec-Fetch-Site` of this service's own pages, and of an address that the user typed."""


class SessionCookie:
    """The cookie of a service with this public URL, if it has one."""

    def __init__(self, public_url: str | None) -> None:
        self._public = None if public_url is None else urlsplit(public_url)
        self._origins = OriginCheck((), public_url)

    def read(self, scope: Scope) -> str | None:
        """The value that the request has; None: it has none. Of two of that name, the browser's first one, which has
        the longer path or is older: a page that plants a second one has not replaced it."""
        cookies = [value for name, value in scope["headers"] if name == b"cookie"]
        if not cookies:
            return None
        wanted = self._name(scope).encode()
        for pair in b";".join(cookies).split(b";"):
            name, equals, value = pair.strip().partition(b"=")
            if equals and name == wanted:
                return value.strip().decode("latin-1")
        return None

    def check_page(self, scope: Scope) -> None:
        """Let a request with the cookie pass. Raises Forbidden (`origin_refused`) for a page of another origin, and for
        a request that changes something and does not say of which page it is."""
        if not self.is_own_page(scope):
            raise Forbidden(
                "A session is for this service's own pages: the request's Origin is another, or is missing. Programs "
                "and other pages send a key or a token in the Authorization header.",
                code="origin_refused",
            )

    def is_own_page(self, scope: Scope) -> bool:
        """Whether a request comes from a page of this service; a plain GET may also be the user's own."""
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if origins:
            return len(origins) == 1 and self._origins.is_own(origins[0], scope)
        if scope.get("method") not in SAFE:  # a WebSocket has none: browsers send its Origin always
            return False
        sites = [value.lower() for name, value in scope["headers"] if name == b"sec-fetch-site"]
        return not sites or (len(sites) == 1 and sites[0] in _SAME_ORIGIN)

    def set(self, scope: Scope, value: str, max_age: float) -> str:
        """The value of `Set-Cookie`; `max_age` in seconds."""
        secure = "; Secure" if self._is_secure(scope) else ""
        return f"{self._name(scope)}={value}; Path=/; Max-Age={int(max_age)}; HttpOnly; SameSite=Strict{secure}"

    def clear(self, scope: Scope) -> str:
        """The value of `Set-Cookie` that removes it."""
        return self.set(scope, "", 0)

    def _name(self, scope: Scope) -> str:
        return (PREFIX if self._is_secure(scope) else "") + NAME

    def _is_secure(self, scope: Scope) -> bool:
        """Only on a loopback name is the cookie sent without TLS: there is none between a browser and its own machine,
        and not every browser takes a `Secure` cookie from it."""
        if self._public is not None:
            return self._public.scheme == "https" or self._public.hostname not in LOOPBACK
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        try:
            return urlsplit("//" + host.decode("latin-1")).hostname not in LOOPBACK
        except ValueError:  # brackets without an address in them
            return True


__all__ = ["NAME", "PREFIX", "SessionCookie"]
