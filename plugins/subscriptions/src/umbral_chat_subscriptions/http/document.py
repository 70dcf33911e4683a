"""The route of claims for the OpenAPI document: Litestar leaves `@asgi` handlers out."""

# Litestar evaluates the annotations when the document is made, so their imports are needed at run time.
from litestar import post
from litestar.params import FromPath, JSONBody

from umbral_chat_subscriptions.claim_bodies import ClaimBody, ClaimList

ALL = "/v1/subscriptions"
ONE = ALL + "/{name:str}"
CLAIM = ONE + "/claim"


@post(
    CLAIM,
    operation_id="claim",
    summary="Claim events",
    tags=["subscriptions"],
    status_code=200,
    opt={"right": "subscribe", "problems": (404, 409)},
)
async def claim_documented(
    name: FromPath[str],  # noqa: ARG001 - the signature is what is documented
    data: JSONBody[ClaimBody | None],  # noqa: ARG001
) -> ClaimList:
    """Take events that are not handled yet, at once or as soon as there are some within `wait` seconds.

    Each claim holds events of one conversation, in order, for `lease` seconds; the conversation gives no other until it
    ends. Acknowledge it with `ack`, or give it back with `release`; after neither its events are given to the next.
    What is claimed again and again without an acknowledgement is given up after `core.consumers.tries`. Problems:
    `subscription_not_found`, `subscription_paused`, `subscription_pushes`, `too_many_claims`, `too_many_readers`.
    """
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["ALL", "CLAIM", "ONE", "claim_documented"]
