"""`POST /v1/subscriptions/{name}/claim`: waits like a long poll."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.disconnect import watched
from umbral_chat.http_kit.hot_route import HotRoute

from umbral_chat_subscriptions.claim_bodies import ClaimBody, ClaimList, ClaimView
from umbral_chat_subscriptions.http.document import CLAIM, claim_documented
from umbral_chat_subscriptions.unread.claiming import UnreadClaims
from umbral_chat_subscriptions.unread.finding import UnreadAnswers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from litestar.handlers import ASGIRouteHandler
    from litestar.types import Receive, Scope, Send
    from umbral_chat.context import Services
    from umbral_chat.providers.consumers import Claims

    from umbral_chat_subscriptions.records import Subscription
    from umbral_chat_subscriptions.service import SubscriptionService
    from umbral_chat_subscriptions.settings import SubscriptionsSettings

    _Giving = Coroutine[Any, Any, list[ClaimView]]

RELEASE_TIMEOUT = 2.0
"""Seconds that giving back may take what a client that left was to be given; its lease ends it otherwise."""

_NOT_KEPT = [(b"cache-control", b"no-store")]


class ClaimEdge:
    """Answers claims. While one waits it takes a reader's place, as a long poll does."""

    def __init__(self, services: Services, subscriptions: SubscriptionService, settings: SubscriptionsSettings) -> None:
        self._services = services
        self._subscriptions = subscriptions
        self._feeds = services.feeds
        self._longest_wait = settings.longest_wait
        self._body_bytes = services.base.settings.core.limits.body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asgi.query(scope, frozenset())
        raw = await asgi.optional_body(scope, receive, self._body_bytes)
        body = asgi.decode(_body, raw)
        body.check()
        subscription, claims = await self._subscriptions.claims(scope["path_params"]["name"], claiming=True)
        wait = min(body.wait, self._longest_wait)
        giving = self._giving(subscription, claims)
        if wait <= 0:
            found: Sequence[ClaimView] | None = await giving(body, 0.0)
        else:
            permit = self._feeds.permit(asgi.principal(scope))
            try:
                ours = asgi.server_disconnect(scope)
                async with watched(receive) if ours is None else nullcontext(ours) as disconnect:
                    found = await _claim_unless_left(giving(body, wait), claims, disconnect)
            finally:
                permit.close()
        if found is not None:
            await asgi.send_json(send, 200, msgspec.json.encode(ClaimList(list(found))), _NOT_KEPT)

    def _giving(self, subscription: Subscription, claims: Claims) -> Callable[[ClaimBody, float], _Giving]:
        if subscription.kind == "unread":
            answers = UnreadAnswers.of(self._services, subscription)
            return UnreadClaims(claims, answers, self._services.base.clock).give

        async def give(body: ClaimBody, wait: float) -> list[ClaimView]:
            found = await claims.claim(maximum=body.max, entries=body.entries, lease=body.lease, wait=wait)
            return [ClaimView.of(subscription.id, claim) for claim in found]

        return give


async def _claim_unless_left(
    giving: _Giving, claims: Claims, disconnect: asgi.Disconnect
) -> Sequence[ClaimView] | None:
    """The claims; None: the client left, and what it would have been given is given back."""
    left = disconnect.waiter = asyncio.get_running_loop().create_future()
    claiming = asyncio.ensure_future(giving)
    try:
        if not disconnect.happened:
            await asyncio.wait((claiming, left), return_when=asyncio.FIRST_COMPLETED)
        if not disconnect.happened:
            return await claiming
    finally:
        disconnect.waiter = None
        claiming.cancel()
        (result,) = await asyncio.gather(claiming, return_exceptions=True)
    if not isinstance(result, BaseException) and result:
        async with asyncio.timeout(RELEASE_TIMEOUT):
            await claims.release([view.claim_id for view in result])
    return None


def claim_route(
    services: Services, subscriptions: SubscriptionService, settings: SubscriptionsSettings
) -> ASGIRouteHandler:
    """The route."""
    return HotRoute(CLAIM, copy_scope=False, opt={"right": {"POST": "subscribe"}, "documented_by": claim_documented})(
        ClaimEdge(services, subscriptions, settings)
    )


_body = msgspec.json.Decoder(ClaimBody)

__all__ = ["ClaimEdge", "claim_route"]
