"""The route for the OpenAPI document, from which Litestar leaves `@asgi` handlers out."""

# Litestar reads the annotations when the document is made, so they must be importable at run time.
from typing import Annotated

from litestar import get
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, HeaderParameter, QueryParameter
from umbral_chat.providers.presence import NAME_LIMIT

from umbral_chat_polling.answer import PATH, Events

EXAMPLE = {
    "entries": [
        {
            "kind": "message",
            "seq": 42,
            "at": "2026-01-31T09:30:00.123456Z",
            "sender": {"role": "user", "id": "visitor-7", "name": "Ada"},
            "message_id": "kq3vz5xw2n7m4b6t",
            "content": "Is my order on its way?",
        }
    ],
    "cursor": "k3f7q2mzxa.42",
    "head": 42,
    "has_more": False,
    "poll_after_ms": 250,
    "mode": "polling",
    "signals": "x5Tf0bWc7Hq2",
    "drafts": [],
    "runs": [
        {
            "run_id": "run-4711",
            "state": "tool",
            "label": "Looking up order 1138",
            "for_seq": 42,
            "sender": {"role": "assistant"},
            "started_at": "2026-01-31T09:30:01.020000Z",
        }
    ],
    "typing": [{"person": "q7Xw1nB0tLmA", "role": "agent", "name": "Grace"}],
    "readers": [{"subject": "grace", "role": "agent", "name": "Grace", "seq": 42}],
    "presence": {
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
    },
}


@get(
    PATH,
    operation_id="events",
    summary="Poll or long poll",
    tags=["following"],
    opt={"right": "read"},
    responses={
        200: ResponseSpec(
            Events, description="What follows the cursor.", generate_examples=False, examples=[Example(value=EXAMPLE)]
        ),
        304: ResponseSpec(None, description="Nothing changed; the header `Poll-After-Ms` says when to ask again."),
    },
    response_headers=[
        ResponseHeader(name="ETag", description="Send it back as `If-None-Match`.", documentation_only=True)
    ],
)
async def events_documented(
    conversation: FromPath[str],  # noqa: ARG001 - the signature is what is documented
    after: Annotated[  # noqa: ARG001
        str | None,
        QueryParameter(
            description="The `cursor` of the answer before, exactly as it was given. None or 0: from the beginning.",
            examples=[Example(value="k3f7q2mzxa.42")],
        ),
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, description="Most entries in the answer: `polling.batch_size`.")] = 100,  # noqa: ARG001
    wait: Annotated[  # noqa: ARG001
        float,
        QueryParameter(
            ge=0, description="Seconds to wait when there is nothing new. The service ends it within a minute."
        ),
    ] = 0,
    presence: Annotated[  # noqa: ARG001
        str | None,
        QueryParameter(
            max_length=NAME_LIMIT,
            description="The `version` of the presence list that the client has, or `0` for none: only another one is "
            "sent, by a long poll within a second.",
        ),
    ] = None,
    signals: Annotated[  # noqa: ARG001
        str | None,
        QueryParameter(
            max_length=NAME_LIMIT,
            description="The `signals` of the answer before: a long poll is answered within a second if `drafts`, "
            "`runs`, `typing` or `readers` are others by now. None: only what changes while it waits ends it.",
        ),
    ] = None,
    device: Annotated[  # noqa: ARG001
        str | None,
        QueryParameter(
            max_length=NAME_LIMIT,
            description="The caller's device, as `PUT …/presence` named it. A poll renews its presence, and a long "
            "poll holds it while it waits (`polling.holds_presence`). None: the one of a caller who names none.",
        ),
    ] = None,
    if_none_match: Annotated[  # noqa: ARG001
        str | None, HeaderParameter(name="If-None-Match", description="The ETag of the answer before.")
    ] = None,
) -> Events:
    """The entries that follow a cursor, in order, each once.

    With `wait` the answer comes as soon as there is an entry. Go on from `cursor`: at once when `has_more`, else after
    `poll_after_ms`. A conversation that was never made reads as empty, and one can wait for its first entry.

    `runs` is what assistants are doing, as far as it has not ended. `typing` is who types now, and `presence` who is
    here; it is null where the client has that list, and where nothing provides presence. `readers` is how far those
    have read who let others see it.

    Problems: `cursor_expired` (start over with `after=0`), `conversation_deleted` (do not come back),
    `invalid_cursor`, `history_unavailable`.
    """
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["events_documented"]
