"""The ASGI scopes of a request and of a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from umbral_chat._core.server.framing import malformed, read_body_framing, read_target
from umbral_chat._core.server.handshake import subprotocols

if TYPE_CHECKING:
    from umbral_chat._core.server.connection import Connection


def request_scope(
    connection: Connection, method: str, version: str, extensions: dict[str, Any]
) -> tuple[dict[str, Any], int, bool, bool]:
    """The scope of a request whose head was read, the length of its body, whether that is chunked, and whether the
    client expects a 100 first. Raises InvalidRequest (`invalid_http_request`)."""
    if version not in ("1.1", "1.0"):
        raise malformed(f"HTTP {version} is not supported; 1.1 and 1.0 are.")
    raw_path, path, query_string = read_target(connection.url)
    headers = connection.headers
    length, chunked, expects_continue = read_body_framing(headers, version)
    scope = {
        "type": "http",
        "asgi": {"version": connection.asgi_version, "spec_version": "2.3"},
        "http_version": version,
        "server": connection.server,
        "client": connection.client,
        "scheme": "http",
        "method": method,
        "root_path": connection.root_path,
        "path": connection.root_path + path,
        "raw_path": raw_path,
        "query_string": query_string,
        "headers": headers,
        "state": connection.app_state.copy(),
        "extensions": extensions,
    }
    return scope, length, chunked, expects_continue


def websocket_scope(scope: Any) -> dict[str, Any]:
    """The scope of a WebSocket, from that of the request that asked for it."""
    found: dict[str, Any] = dict(scope)
    del found["method"]
    found["asgi"] = found["asgi"] | {"spec_version": "2.4"}
    found["type"], found["scheme"] = "websocket", "ws"
    found["subprotocols"] = subprotocols(found["headers"])
    return found


__all__ = ["request_scope", "websocket_scope"]
