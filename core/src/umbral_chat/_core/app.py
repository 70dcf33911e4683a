"""The Litestar app: routes, guard and problem details around a service. HTTP alone: see `service` for what runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, cast

from litestar import Litestar, Request
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from umbral_chat._core.checks import core_checks
from umbral_chat._core.http import (
    context,
    conversations,
    messages,
    openapi,
    operations,
    parameters,
    problems,
    runs,
    session,
    tokens,
    transcript,
)
from umbral_chat._core.http.dependencies import ApiRequest
from umbral_chat._core.http.guard import Guard, check_rights
from umbral_chat._core.http.outer_middleware import OuterMiddleware
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins import PluginHost
from umbral_chat._core.service import Service
from umbral_chat._core.settings.effective import Settings
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.errors import UmbralChatError
from umbral_chat.http_kit.asgi import PRINCIPAL
from umbral_chat.providers.auth import Principal


def create_app(settings: Settings, plugins: PluginHost, *, clock: Clock | None = None) -> Application:
    """The whole service as an ASGI app. No I/O happens before its lifespan is entered.

    Raises PluginError and SettingsError.
    """
    service = Service(settings, plugins, clock or SystemClock())
    services, core = service.parts, settings.core
    guard = Guard(
        local_only=not core.keys,
        cors_origins=core.cors_origins,
        rates=services.rates,
        depth=core.limits.depth,
        public_url=core.public_url,
    )
    issuer_holder = tokens.IssuerHolder()
    routes = handlers(services)
    checks = [*core_checks(services), *plugins.checks(services)]

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                entered = await stack.enter_async_context(service.run())
            except UmbralChatError as error:
                # `serve` prints it as one line, where a server would only show a traceback.
                app.state.failure = error
                raise
            issuer_holder.use(entered.issuer)
            guard.gate = entered.gate
            yield
            guard.gate = None

    app = Application(
        [*routes, *openapi.routes(routes)],
        guards=[guard],
        request_class=ApiRequest,
        lifespan=[lifespan],
        plugins=[problems.plugin(services.base.telemetry, body_limit=core.limits.body_bytes)],
        exception_handlers={500: problems.internal_error},
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "principal": Provide(_principal, sync_to_thread=False),
            "issuer_holder": Provide(lambda: issuer_holder, sync_to_thread=False),
            "checks": Provide(lambda: checks, sync_to_thread=False),
        },
        cors_config=_cors(core.cors_origins),
        openapi_config=None,
        logging_config=None,  # `serve` sets up logging, and an embedding app has its own
        request_max_body_size=core.limits.body_bytes,
    )
    parameters.complete(app)
    app.state.services = services
    telemetry = services.base.telemetry
    behind = cast("ASGIApp", partial(Litestar.__call__, app))
    front = OuterMiddleware(behind, app.routes, cors=app.cors_config, telemetry=telemetry)
    app.takes_websockets = bool(front.websockets)
    app.front = cast("ASGIApp", front)
    if settings.telemetry.http:
        from umbral_chat.telemetry.requests import instrumented

        # Outside of everything: what is answered without Litestar is measured, too.
        app.front = instrumented(app.front, telemetry.meter_provider)
    return app


class Application(Litestar):
    """The app, with what every request meets before Litestar's own handling of CORS and errors."""

    front: ASGIApp | None = None
    takes_websockets = False
    """Whether any route does: without one the server ignores the offer to upgrade."""

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """See ASGI."""
        if scope["type"] != "lifespan" and self.front is not None:
            await self.front(scope, cast("Receive", receive), cast("Send", send))
        else:
            await super().__call__(scope, receive, send)


def handlers(services: ServiceParts) -> list[BaseRouteHandler]:
    """Every route handler of a service, the plugins' included. Raises PluginError for one that names no right."""
    found: list[BaseRouteHandler] = [
        messages.routes(services),
        messages.edit,
        messages.redact,
        messages.import_entry,
        *conversations.HANDLERS,
        *runs.HANDLERS,
        transcript.transcript,
        context.context,
        tokens.issue_token,
        *session.HANDLERS,
        *operations.HANDLERS,
        *cast("Sequence[BaseRouteHandler]", services.plugins.routes(services)),
    ]
    check_rights(found)
    for handler in found:
        # Registering copies a handler with what it knows, so each is parsed once in a process that makes several apps.
        _ = handler.parsed_fn_signature
    return found


def _principal(request: Request[Any, Any, Any]) -> Principal:
    found: Principal = request.scope["state"][PRINCIPAL]
    return found


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID"],
        expose_headers=["ETag", "Poll-After-Ms", "Retry-After"],
        max_age=600,
    )


__all__ = ["create_app", "handlers"]
