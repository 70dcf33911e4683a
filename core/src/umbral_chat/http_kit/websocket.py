"""What a route that takes WebSockets is made of: the route, its refusals, and frames that are encoded once for many."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from umbral_chat.errors import Forbidden, UpgradeRequired
from umbral_chat.http_kit.hot_route import HotRoute

if TYPE_CHECKING:
    from litestar.types import Scope

KEYLESS_REFUSAL = "umbral_chat_keyless_refusal"
"""Key of the scope's state under which the guard leaves why the client of a WebSocket needs credentials, where a
service has no keys."""

SESSION_CREDENTIAL = "umbral_chat_session_credential"
"""Key of the scope's state under which the guard leaves the cookie of an operator's session, if a page of this service
opens the WebSocket."""

_TEXT = 0x81
"""First byte of a text frame that is a whole message (RFC 6455, section 5.2)."""


class WebSocketRoute(HotRoute):
    """A route at which WebSockets are opened: `WebSocketRoute(path, copy_scope=False, opt={"right": …})(function)`.

    The function is called with scopes of type `websocket`, behind the app's guard, which checks the browser's Origin;
    until it sends `websocket.accept`, errors of the tree that it raises are answered as problem details. A plain
    request to the same path has a scope of type `http`: raise `no_upgrade()`. Its path has no parameters.
    """


def check_keyless(scope: Scope) -> None:
    """Let a WebSocket be used without credentials, which only a service without keys permits anyway. Raises Forbidden
    (`behind_proxy`, `not_loopback`, `foreign_origin`), as for a request without credentials."""
    refusal: Forbidden | None = scope["state"].get(KEYLESS_REFUSAL)
    if refusal is not None:
        raise refusal


def session_credential(scope: Scope) -> str | None:
    """The credential of the operator's session whose page opens the WebSocket, for
    `AccessService.authenticate_session`; None: there is none."""
    found: str | None = scope["state"].get(SESSION_CREDENTIAL)
    return found


def encode_text(payload: bytes) -> bytes:
    """A server's text frame around `payload`, which is UTF-8: for `RawWriter.write`."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", _TEXT, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload


def no_upgrade() -> UpgradeRequired:
    """The error for a plain request to a WebSocket's path."""
    return UpgradeRequired(
        "This is the path of a WebSocket: connect with a WebSocket client (ws:// or wss://). A proxy in between has to "
        "pass the headers Upgrade and Connection on."
    )


__all__ = [
    "KEYLESS_REFUSAL",
    "SESSION_CREDENTIAL",
    "WebSocketRoute",
    "check_keyless",
    "encode_text",
    "no_upgrade",
    "session_credential",
]
