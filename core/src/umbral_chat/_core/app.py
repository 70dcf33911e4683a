"""The Litestar app: routes, guard and problem details around a service, and its life from entering to leaving."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, cast

from litestar import Litestar, Request
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from umbral_chat._core.auth.gate import Gate
from umbral_chat._core.auth.keys import KeyAuthenticator
from umbral_chat._core.auth.local import LocalAuthenticator
from umbral_chat._core.auth.tokens import TokenAuthenticator, TokenIssuer, load_secrets
from umbral_chat._core.checks import core_checks
from umbral_chat._core.delivery.bus import Bus
from umbral_chat._core.delivery.reconcile import reconcile
from umbral_chat._core.delivery.subscriptions import Subscriptions
from umbral_chat._core.http import (
    conversations,
    message,
    messages,
    openapi,
    operations,
    parameters,
    problems,
    tokens,
    transcript,
)
from umbral_chat._core.http.front import Front
from umbral_chat._core.http.guard import Guard, check_rights
from umbral_chat._core.http.request import ApiRequest
from umbral_chat._core.plugins import PluginHost
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat._core.service import build
from umbral_chat._core.settings.effective import Settings
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.context import Services
from umbral_chat.errors import UmbralChatError
from umbral_chat.http_kit.asgi import PRINCIPAL
from umbral_chat.providers.auth import Authenticator, Principal
from umbral_chat.providers.presence import Presence, Viewer

log = logging.getLogger(__name__)

SWEEP = 0.25
"""Seconds between two sweeps of the drafts: half of the interval at which they are published."""


ASKING = 4.0
"""Seconds between two questions to the presence on behalf of those who wait: who asked nothing for twice the shortest
time to live (5 s) counts as not interested any more, and a long poll waits for longer."""

AT_ONCE = 100
"""Conversations asked about before others may run."""


def create_app(settings: Settings, plugins: PluginHost, *, clock: Clock | None = None) -> Litestar:
    """The whole service as an ASGI app. No I/O happens before its lifespan is entered.

    Raises PluginError and SettingsError.
    """
    clock = clock or SystemClock()
    services, subscriptions, bus = build(settings, plugins, clock)
    core = settings.core
    guard = Guard(
        local_only=not core.keys,
        cors_origins=core.cors_origins,
        rates=services.rates,
        depth=core.limits.depth,
    )
    issuers = tokens.Issuers()
    routes = handlers(services)
    checks = [*core_checks(services), *plugins.checks(services)]

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await enter(stack)
            except UmbralChatError as error:
                # Whoever serves the app says it in one line, where a server would only show a traceback.
                app.state.failure = error
                raise
            yield
            guard.gate = None

    async def enter(stack: AsyncExitStack) -> None:
        stack.push_async_callback(asyncio.to_thread, services.base.telemetry.shutdown)
        await stack.enter_async_context(services.storage.lifespan)
        if services.presence is not None:
            await stack.enter_async_context(services.presence.lifespan)
        issuers.use(TokenIssuer(await load_secrets(core.token_secrets, services.storage.store), clock))
        await services.toggle.load()
        authenticators = _authenticators(services, issuers.current)
        tasks = Tasks("service")
        stack.push_async_callback(services.feeds.close)
        stack.push_async_callback(tasks.close)
        _start(tasks, services, subscriptions, bus)
        loop = asyncio.get_running_loop()
        services.base.telemetry.gauge("umbral_chat.tasks", lambda: [((), len(asyncio.all_tasks(loop)))])
        stack.callback(services.lifecycle.drain)
        guard.gate = Gate(
            authenticators,
            local=None if core.keys else LocalAuthenticator(),
            requests=services.rates.requests,
            clock=clock,
            depth=core.limits.depth,
        )

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
            "issuers": Provide(lambda: issuers, sync_to_thread=False),
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
    app.front = cast("ASGIApp", Front(behind, app.routes, cors=app.cors_config, telemetry=telemetry))
    if settings.telemetry.http:
        from umbral_chat.telemetry.requests import instrumented

        # Outside of everything: what is answered without Litestar is measured, too.
        app.front = instrumented(app.front, telemetry.meter_provider)
    return app


class Application(Litestar):
    """The app, with what every request meets before Litestar's own handling of CORS and errors."""

    front: ASGIApp | None = None

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """See ASGI."""
        if scope["type"] == ScopeType.HTTP and self.front is not None:
            await self.front(cast("Scope", scope), cast("Receive", receive), cast("Send", send))
        else:
            await super().__call__(scope, receive, send)


def handlers(services: Services) -> list[BaseRouteHandler]:
    """Every route handler of a service, the plugins' included. Raises PluginError for one that names no right."""
    found: list[BaseRouteHandler] = [
        messages.routes(services),
        message.edit,
        message.redact,
        message.import_entry,
        *conversations.HANDLERS,
        transcript.transcript,
        tokens.issue_token,
        *operations.HANDLERS,
        *cast("Sequence[BaseRouteHandler]", services.plugins.routes(services)),
    ]
    check_rights(found)
    return found


def _principal(request: Request[Any, Any, Any]) -> Principal:
    found: Principal = request.scope["state"][PRINCIPAL]
    return found


def _authenticators(services: Services, issuer: TokenIssuer) -> list[Authenticator]:
    own: list[Authenticator] = [
        KeyAuthenticator(services.base.settings.core.keys),
        TokenAuthenticator(issuer, services.base.clock),
    ]
    return [*own, *services.plugins.authenticators(services.base, services.storage)]


def _start(tasks: Tasks, services: Services, subscriptions: Subscriptions, bus: Bus) -> None:
    base = services.base
    enabled = services.toggle.state.enabled
    tasks.start(services.feeds.run(), name="feeds")
    tasks.start(services.failover.run(enabled=enabled), name="failover")
    tasks.start(_sweep(services), name="drafts")
    if services.presence is not None:
        tasks.start(_stay_interested(services, services.presence), name="presence")
    tasks.start(
        reconcile(
            services.storage.history,
            services.feeds,
            subscriptions,
            services.failover,
            base.clock,
            interval=base.settings.realtime.reconcile_interval,
        ),
        name="reconcile",
    )
    consumers = services.plugins.consumers(services)
    if consumers:
        from umbral_chat._core.consumers import ConsumerRunner

        tasks.start(ConsumerRunner(consumers, services, bus).run(), name="consumers")


async def _sweep(services: Services) -> None:
    while True:
        await services.base.clock.sleep(SWEEP)
        services.drafts.sweep()


async def _stay_interested(services: Services, presence: Presence) -> None:
    while True:
        await services.base.clock.sleep(ASKING)
        for number, conversation in enumerate(services.feeds.waited_on, start=1):
            presence.state(conversation, Viewer())
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"],
        expose_headers=["ETag", "Poll-After-Ms", "Retry-After"],
        max_age=600,
    )


__all__ = ["create_app", "handlers"]
