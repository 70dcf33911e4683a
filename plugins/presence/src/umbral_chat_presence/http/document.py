"""The routes for the OpenAPI document: Litestar leaves `@asgi` handlers out."""

# Litestar evaluates the annotations when the document is made, so their imports are needed at run time.
from typing import Annotated

from litestar import delete, get, post, put
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from umbral_chat.model.entries import Role
from umbral_chat.providers.presence import DEVICE, NAME_LIMIT, TypingNow
from umbral_chat.providers.presence_reports import PresenceBody, RenewalView, TypingBody

from umbral_chat_presence.http.bodies import LeftView, PresenceView

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
            description="Who is here, on all instances.",
            generate_examples=False,
            examples=[Example(value=EXAMPLE)],
        ),
        304: ResponseSpec(None, description="Unchanged."),
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
    """Who is in the conversation and who types there, on all instances. Polls report the same when it changes.

    Ids, devices and their metadata are shown to service keys and moderators only, `last_seen` with that right. With
    more people than `presence.listed_people` nobody is named, and `listed` is false. A conversation that was never made
    is empty. Problems: `conversation_deleted`, `history_unavailable`.
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
    """Report that a device is here, or still is. Without a body: as oneself, online, on the device `default`;
    a request whose headers announce a body that is missing is refused (`missing_body`).

    Report again within `renew_in` seconds, or hold the device by polling with `device`. A report replaces the earlier
    one of the same device.
    Problems: `invalid_field`, `metadata_too_large`, `may_not_speak_as`, `too_many_devices`, `too_many_present`,
    `rate_limited`, `conversation_deleted`.
    """
    raise RuntimeError("documents the hot route and is never called")


@delete(
    PRESENCE,
    operation_id="leave",
    summary="A device leaves",
    tags=["presence"],
    status_code=200,
    opt={"right": "read"},
)
async def leave(
    conversation: FromPath[str],  # noqa: ARG001
    device: Annotated[str, QueryParameter(max_length=NAME_LIMIT, description="The device that leaves.")] = DEVICE,  # noqa: ARG001
    role: Annotated[  # noqa: ARG001
        Role | None, QueryParameter(description="The person's role; another person than oneself only with `send_as`.")
    ] = None,
    id: Annotated[str | None, QueryParameter(description="The person's id, together with `role`.")] = None,  # noqa: A002, ARG001
) -> LeftView:
    """Report that a device leaves. Its person is shown for `presence.hold_back` seconds longer, and while any other
    of its devices is here; a return within that time cancels it."""
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
    """Report that a person types, or still does. It ends by itself, and with that person's next message. Without a
    body: oneself; a request whose headers announce a body that is missing is refused (`missing_body`).

    With `send_as` also for the assistant, before a workflow that takes long. Problems: `invalid_field`,
    `may_not_speak_as`, `rate_limited`, `conversation_deleted`.
    """
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["PRESENCE", "TYPING", "leave", "presence", "report", "typing"]
