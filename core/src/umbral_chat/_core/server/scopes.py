"""The ASGI scopes of a request and of a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from umbral_chat._core.server.framing import malformed, read_body_framing, read_target
from umbral_chat._core.server.handshake import subprotocols

if TYPE_CHECKING:
    from umbral_chat._core.server.connection import Connection


def begin_scope(connection: Connection, extensions: dict[str, Any]) -> dict[str, Any]:
    """The scope of a request of which nothing is read yet; `complete_scope` adds the rest."""
    return {
        "type": "http",
        "asgi": {"version": connection.asgi_version, "spec_version": "2.3"},
        "http_version": "1.1",
        "server": connection.server,
        "client": connection.client,
        "scheme": "http",
        "root_path": connection.root_path,
        "headers": connection.headers,
        "state": connection.app_state.copy(),
        "extensions": extensions,
    }


def complete_scope(scope: Any, url: bytes, version: str) -> tuple[int, bool, bool]:
    """Add what the request line says. Returns the length of the body, whether it is chunked, and whether the client
    expects a 100 first. Raises InvalidRequest (`invalid_http_request`)."""
    if version not in ("1.1", "1.0"):
        raise malformed(f"HTTP {version} is not supported; 1.1 and 1.0 are.")
    scope["http_version"] = version
    scope["raw_path"], path, scope["query_string"] = read_target(url)
    scope["path"] = scope["root_path"] + path
    return read_body_framing(scope["headers"], version)


def websocket_scope(scope: Any) -> dict[str, Any]:
    """The scope of a WebSocket, from that of the request that asked for it."""
    found: dict[str, Any] = dict(scope)
    del found["method"]
    found["asgi"] = found["asgi"] | {"spec_version": "2.4"}
    found["type"], found["scheme"] = "websocket", "ws"
    found["subprotocols"] = subprotocols(found["headers"])
    return found


__all__ = ["begin_scope", "complete_scope", "websocket_scope"]
