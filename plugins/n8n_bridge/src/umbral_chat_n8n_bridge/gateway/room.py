"""What the gateway keeps of one chat: its limits, and which pages may use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from umbral_chat.errors import Forbidden
from umbral_chat.http_kit.asgi import Headers
from umbral_chat.http_kit.origins import OriginCheck

from umbral_chat_n8n_bridge.files.upload import UploadReader
from umbral_chat_n8n_bridge.gateway.limits import PlaceLimit, Rate

if TYPE_CHECKING:
    from litestar.types import Scope
    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.files.store import FileStore

MAX_AGE = b"600"
"""Seconds that a browser keeps the answer to a preflight."""

ADDRESS_LIMIT = 64
"""Longest address that a header may name, in characters: an IPv6 address with a zone."""


class GatewayRoom:
    """One chat."""

    def __init__(self, chat: Chat, services: Services, files: FileStore) -> None:
        settings, core, monotonic = chat.settings, services.base.settings.core, services.base.clock.monotonic
        self.chat = chat
        self.uploads = UploadReader(settings, files, core.limits.body_bytes)
        self.addresses = Rate(settings.address_per_minute, monotonic)
        self.messages = Rate(settings.chat_per_minute, monotonic)
        self._check_origin = OriginCheck(settings.origins, core.public_url)
        self._of_core = frozenset(core.cors_origins)
        self._waiting_sessions = PlaceLimit(settings.session_waiting, in_all=settings.waiting)
        self._waiting_addresses = PlaceLimit(settings.address_waiting, in_all=settings.waiting)
        self._session_sockets = PlaceLimit(settings.session_waiting, in_all=settings.sockets)
        self._address_sockets = PlaceLimit(settings.address_waiting, in_all=settings.sockets)

    def permits_page(self, scope: Scope) -> bool:
        """Whether the page of the request may use the chat."""
        try:
            self._check_origin(scope)
        except Forbidden:
            return False
        return True

    def check_origin(self, scope: Scope) -> None:
        """Raises Forbidden (`origin_refused`) for a page of an origin that is not listed."""
        if not self.permits_page(scope):
            raise Forbidden("This page may not use the chat.", code="origin_refused")

    def headers(self, scope: Scope) -> Headers:
        """Those that let a page of another origin read the answer."""
        origin = _header(scope, b"origin")
        if origin is None or not self._listed(origin) or self._of_core & {"*", origin.decode("latin-1")}:
            return []  # where the core's CORS lets it pass, that sets the headers
        return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]

    def preflight(self, scope: Scope) -> Headers | None:
        """The headers of the answer to a preflight; None: it does not pass."""
        origin, asked = _header(scope, b"origin"), _header(scope, b"access-control-request-headers")
        if origin is None or _header(scope, b"access-control-request-method") is None or not self._listed(origin):
            return None
        found = [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-max-age", MAX_AGE),
            (b"vary", b"Origin"),
        ]
        return [*found, (b"access-control-allow-headers", asked)] if asked else found

    def address(self, scope: Scope) -> str:
        """The address that the request came from."""
        name = self.chat.settings.address_header
        if name is not None:
            values = [value for key, value in scope["headers"] if key == name.lower().encode("latin-1")]
            if values:
                return values[-1].decode("latin-1").rpartition(",")[2].strip()[:ADDRESS_LIMIT]
        client = scope.get("client")
        return client[0] if client else ""

    @contextmanager
    def waiting(self, conversation: str, address: str) -> Iterator[None]:
        """A request's place while it waits for its answer. Raises Unavailable (`too_many_readers`) and TooManyRequests
        (`too_many_own_readers`)."""
        with self._waiting_sessions.taken(conversation), self._waiting_addresses.taken(address):
            yield

    @contextmanager
    def sockets(self, conversation: str, address: str) -> Iterator[None]:
        """The place of a WebSocket. Raises as `waiting` does."""
        with self._session_sockets.taken(conversation), self._address_sockets.taken(address):
            yield

    def has_socket_left(self, conversation: str, address: str) -> bool:
        """Whether there is a place for one more."""
        return self._session_sockets.has_left(conversation) and self._address_sockets.has_left(address)

    def _listed(self, origin: bytes) -> bool:
        return bool({"*", origin.decode("latin-1")} & set(self.chat.settings.origins))


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


__all__ = ["ADDRESS_LIMIT", "GatewayRoom"]
