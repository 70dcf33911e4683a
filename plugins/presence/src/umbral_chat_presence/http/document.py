"""The routes as the OpenAPI document shows them: Litestar leaves `@asgi` handlers out."""

# Litestar reads the annotations when the document is made, so they are no mere hints for a checker.
from typing import Annotated

from litestar import delete, get, post, put
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from umbral_chat.model.entries import Role
from umbral_chat.providers.presence import DEVICE, NAME_LIMIT, TypingNow

from umbral_chat_presence.http.bodies import LeftView, PresenceBody, PresenceView, RenewalView, TypingBody

ONE = "/v1/conversations/{conversation:str}"
PRESENCE = ONE + "/presence"
TYPING = ONE + "/typing"

EXAMPLE = {
    "conversation": "order-1042",
    "version": "mZ4r8kQ2vT1c",
    "count": 1,
    "counts": {"user": 0, "assistant": 0, "agent": 1, "system": 0},
    "listed": True,
    "people": [
        {
            "person": "q7Xw1nB0tLmA",
            "role": "agent",
            "name": "Grace",
            "status": "online",
            "since": "2026-01-31T09:28:41.020000Z",
        }
    ],
    "typing": [{"person": "q7Xw1nB0tLmA", "role": "agent", "name": "Grace"}],
}


@get(
    PRESENCE,
    operation_id="presence",
    summary="Who is here",
    tags=["presence"],
    opt={"right": "read"},
    responses={
        200: ResponseSpec(
            PresenceView,
            description="Who is here, on every instance.",
            generate_examples=False,
            examples=[Example(value=EXAMPLE)],
        ),
        304: ResponseSpec(None, description="As it was."),
    },
    response_headers=[
        ResponseHeader(name="ETag", description="Send it back as `If-None-Match`.", documentation_only=True)
    ],
)
async def presence(
    conversation: FromPath[str],  # noqa: ARG001 - the signature is what is documented
    if_none_match: Annotated[  # noqa: ARG001
        str | None, HeaderParameter(name="If-None-Match", description="The ETag of the answer before.")
    ] = None,
) -> PresenceView:
    """Who is in the conversation and who types there, on whichever instance. Polls tell the same as it changes.

    Ids, devices and their metadata are told to service keys and moderators only, `last_seen` with that right. With more
    people than `presence.listed_people` nobody is named, and `listed` is false. A conversation that was never made is
    empty. Problems: `conversation_deleted`, `history_unavailable`.
    """
    raise RuntimeError("documents the hot route and is never called")


@put(
    PRESENCE,
    operation_id="reportPresence",
    summary="A device is here",
    tags=["presence"],
    opt={"right": "read"},
)
async def report(
    conversation: FromPath[str],  # noqa: ARG001
    data: JSONBody[PresenceBody | None],  # noqa: ARG001
) -> RenewalView:
    """Say that a device is here, or still is. Without a body: as oneself, online, on the device `default`;
    a request whose headers speak of a body that is not there is refused (`missing_body`).

    Again within `renew_in` seconds, or hold it by polling with `device`. It replaces what the same device said before.
    Problems: `invalid_field`, `metadata_too_large`, `may_not_speak_as`, `too_many_devices`, `too_many_present`,
    `rate_limited`, `conversation_deleted`.
    """
    raise RuntimeError("documents the hot route and is never called")


@delete(
    PRESENCE,
    operation_id="leave",
    summary="A device goes",
    tags=["presence"],
    status_code=200,
    opt={"right": "read"},
)
async def leave(
    conversation: FromPath[str],  # noqa: ARG001
    device: Annotated[str, QueryParameter(max_length=NAME_LIMIT, description="Which one.")] = DEVICE,  # noqa: ARG001
    role: Annotated[  # noqa: ARG001
        Role | None, QueryParameter(description="Whose; another than one's own only with `send_as`.")
    ] = None,
    id: Annotated[str | None, QueryParameter(description="Whose, together with `role`.")] = None,  # noqa: A002, ARG001
) -> LeftView:
    """Say that a device goes. Its person is shown for `presence.hold_back` seconds longer, unless it comes back, and
    until its last device has gone."""
    raise RuntimeError("documents the hot route and is never called")


@post(
    TYPING,
    operation_id="typing",
    summary="Somebody types",
    tags=["presence"],
    status_code=200,
    opt={"right": "send"},
)
async def typing(
    conversation: FromPath[str],  # noqa: ARG001
    data: JSONBody[TypingBody | None],  # noqa: ARG001
) -> TypingNow:
    """Say that somebody types, or still does. It ends by itself, and with that somebody's next message. Without a body:
    oneself does; a request whose headers speak of a body that is not there is refused (`missing_body`).

    With `send_as` for the assistant, too, before a workflow that takes its time. Problems: `invalid_field`,
    `may_not_speak_as`, `rate_limited`, `conversation_deleted`.
    """
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["PRESENCE", "TYPING", "leave", "presence", "report", "typing"]
