"""Runs the server: uvicorn with uvloop and httptools, a clean shutdown, and a greeting with commands to try next."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import cast

import uvicorn
from litestar import Litestar

from umbral_chat._core.plugins import PluginHost
from umbral_chat._core.server.connection import Connection
from umbral_chat._core.server.connections import Connections
from umbral_chat._core.server.greeting import command_of, greeting
from umbral_chat._core.server.logs import configure_logging
from umbral_chat._core.server.timed_connection import Opener
from umbral_chat._core.settings.checks import check_exposure
from umbral_chat._core.settings.effective import Settings
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.errors import SettingsError, UmbralChatError

log = logging.getLogger("umbral_chat")

GC_THRESHOLD = 10_000
"""New container objects before the garbage collector scans them: 2 MB at 200 bytes each. In measurements higher values
made no difference."""


class Server(uvicorn.Server):
    """Drains the app before it waits for open requests, so that long polls are answered at once."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: Litestar,
        greet: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
        *,
        websockets: bool = False,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._greet = greet
        base = app.state.services.base
        self.shared = Connections(
            base.settings.core.limits, base.telemetry, clock or SystemClock(), self.server_state.connections
        )
        # uvicorn calls what it is given here for each connection.
        opener = _websocket_opener() if websockets else None
        config.http = cast("type[asyncio.Protocol]", partial(Connection, shared=self.shared, websocket=opener))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and greet once the server accepts connections."""
        await super().startup(sockets)
        if self.started:
            self._greet()

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        if counter % 10 == 0:
            self.shared.sweep()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop: the first one drains, a second one does not wait for requests."""
        self._app.state.services.lifecycle.drain()
        super().handle_exit(sig, frame)

    def _log_started_message(self, listeners: object) -> None:
        """Log nothing: `serve` prints its own greeting (uvicorn 0.54 has no setting for this)."""


def serve(settings: Settings, plugins: PluginHost) -> int:
    """Serve until a signal stops it; the exit code. Raises SettingsError, PluginError and StoreError when it cannot
    start."""
    from umbral_chat._core.app import create_app

    check_exposure(settings.core)
    configure_logging(settings.core)
    core = settings.core
    app = create_app(settings, plugins)
    config = uvicorn.Config(
        app,
        host=core.host,
        port=core.port,
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the address of a proxy's client is not used
        date_header=False,
        timeout_graceful_shutdown=max(1, round(core.shutdown_timeout)),
        backlog=4096,
    )
    listener = _listen(core.host, core.port)
    address, port = listener.getsockname()[:2]
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}"

    def started() -> None:
        tune_garbage_collector()
        _greet(url, keyless=not core.keys, page=any(route.path == "/" for route in app.routes))

    server = Server(config, app, started, websockets=app.takes_websockets)
    logging.getLogger("uvicorn.error").addFilter(lambda _: "failure" not in app.state)
    with listener:
        try:
            server.run(sockets=[listener])
        except SystemExit:
            if "failure" not in app.state:
                raise
    failure: UmbralChatError | None = app.state.get("failure")
    if failure is not None:
        raise failure
    return 0 if server.started else 1


def tune_garbage_collector() -> None:
    """Collect garbage less often, and exclude the objects that the start made: they stay alive anyway.

    With the default settings the collector takes a tenth of a send's time. Objects of requests are freed by reference
    counting; cycles only arise from errors, with their tracebacks. This concerns the whole process, so `serve` does it,
    and an app that is embedded in another program does not.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])


def _websocket_opener() -> Opener:
    """How connections become WebSockets. Imported here, since the core alone comes without `websockets`."""
    from umbral_chat._core.server.websocket import WebSocketConnection

    return WebSocketConnection


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port or core.port."
        ) from error
    return listener


def _greet(url: str, *, keyless: bool, page: bool) -> None:
    with suppress(OSError):  # the log's disk is full, or the folder is gone: serve nevertheless, as logging does
        lines = greeting(url, keyless=keyless, page=page, command=command_of(sys.argv[0], Path.cwd()))
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()


__all__ = ["Server", "serve"]
