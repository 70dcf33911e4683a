"""The routes that make, show, change and delete subscriptions, and those that end claims."""

# Litestar evaluates the annotations when the routes are made, so their imports are needed at run time.
from collections.abc import Sequence

from litestar import Response, delete, get, patch, post
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from umbral_chat.context import Services

from umbral_chat_subscriptions.bodies import (
    CreatedView,
    PauseBody,
    SubscriptionBody,
    SubscriptionList,
    SubscriptionView,
)
from umbral_chat_subscriptions.claim_bodies import AckBody, ReleaseBody
from umbral_chat_subscriptions.http.claiming import claim_route
from umbral_chat_subscriptions.http.document import ALL, ONE
from umbral_chat_subscriptions.records import Subscription
from umbral_chat_subscriptions.service import SubscriptionService
from umbral_chat_subscriptions.settings import SubscriptionsSettings

NOT_KEPT = {"Cache-Control": "no-store"}


def routes(
    services: Services, subscriptions: SubscriptionService, settings: SubscriptionsSettings
) -> Sequence[BaseRouteHandler]:
    """All of them."""

    def view(subscription: Subscription) -> SubscriptionView:
        return SubscriptionView.of(subscription, services.consumers.state(subscription.consumer))

    @post(
        ALL,
        operation_id="subscribe",
        summary="Make a subscription",
        tags=["subscriptions"],
        opt={"right": "subscribe", "problems": (409,)},
        responses={200: ResponseSpec(CreatedView, description="It exists already.", generate_examples=False)},
    )
    async def make(data: JSONBody[SubscriptionBody]) -> Response[CreatedView]:
        """Get the entries of all conversations, or of those that `filter` names: pushed to a URL, or claimed. With
        `kind` `unread`: an event for each reader who has not read an answer within `after` seconds.

        201: from now on it misses nothing. With `push`, `secret` is what its events are signed with; keep it, it is
        not shown again. The same call again is answered with 200, another one of the same name with 409
        `subscription_exists`. Further problems: `refused_url`,
        `subscriptions_full`, and `not_supported` where the history does not say who has read.
        """
        subscription, made = await subscriptions.create(data)
        answer = CreatedView.of(subscription, services.consumers.state(subscription.consumer))
        if made:
            return Response(answer.with_secret(subscription), status_code=201, headers=NOT_KEPT)
        return Response(answer, status_code=200, headers=NOT_KEPT)

    @get(
        ALL,
        operation_id="subscriptions",
        summary="All subscriptions",
        tags=["subscriptions"],
        opt={"right": "subscribe"},
    )
    async def show_all() -> SubscriptionList:
        """Each with its lag, its last error and how many entries were given up."""
        return SubscriptionList([view(one) for one in await subscriptions.all()])

    @get(
        ONE,
        operation_id="subscription",
        summary="One subscription",
        tags=["subscriptions"],
        opt={"right": "subscribe", "problems": (404,)},
    )
    async def show(name: FromPath[str]) -> SubscriptionView:
        """With its lag, its last error, how many entries were given up and how many claims are open."""
        subscription = await subscriptions.get(name)
        state = services.consumers.state(subscription.consumer)
        return SubscriptionView.of(subscription, state, await subscriptions.open_claims(subscription))

    @patch(
        ONE,
        operation_id="patchSubscription",
        summary="Pause a subscription, or have it go on",
        tags=["subscriptions"],
        opt={"right": "subscribe", "problems": (404, 409)},
    )
    async def change(name: FromPath[str], data: JSONBody[PauseBody]) -> SubscriptionView:
        """While it is paused nothing is sent or claimed, and it keeps its place. Every instance follows within
        `subscriptions.refresh` seconds; claims that are open may be acknowledged."""
        return view(await subscriptions.pause(name, paused=data.paused))

    @delete(
        ONE,
        operation_id="deleteSubscription",
        summary="Delete a subscription",
        tags=["subscriptions"],
        opt={"right": "subscribe", "problems": (404,)},
    )
    async def remove(name: FromPath[str]) -> None:
        """Its place and what was given up are deleted with it. One of the same name that is made later is a new one."""
        await subscriptions.delete(name)

    @post(
        ONE + "/ack",
        operation_id="ackClaims",
        summary="Acknowledge claims",
        tags=["subscriptions"],
        status_code=204,
        opt={"right": "subscribe", "problems": (404, 409)},
    )
    async def ack(name: FromPath[str], data: JSONBody[AckBody]) -> None:
        """The events of these claims were handled and are not given again.

        409 `claim_expired` names in `claim_ids` those that had ended before, and whose events are given again; the
        others were taken.
        """
        data.check()
        _, claims = await subscriptions.claims(name, claiming=False)
        await claims.ack(data.claim_ids)

    @post(
        ONE + "/release",
        operation_id="releaseClaims",
        summary="Give claims back",
        tags=["subscriptions"],
        status_code=204,
        opt={"right": "subscribe", "problems": (404, 409)},
    )
    async def release(name: FromPath[str], data: JSONBody[ReleaseBody]) -> None:
        """The events of these claims are given again, after `delay` seconds. 409 `claim_expired` as for `ack`.

        With `failed` they count as tried in vain, and are given again after a growing pause that is at least `delay`:
        in claims of half as many, until the one that fails is alone. After `core.consumers.tries` failures that one
        becomes a dead letter with this `reason`.
        """
        data.check()
        _, claims = await subscriptions.claims(name, claiming=False)
        await claims.release(data.claim_ids, delay=data.delay, failed=data.failure)

    return [make, show_all, show, change, remove, ack, release, claim_route(services, subscriptions, settings)]


__all__ = ["routes"]
