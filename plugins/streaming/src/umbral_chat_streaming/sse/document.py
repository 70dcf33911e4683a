"""The routes for the OpenAPI document, from which Litestar leaves `@asgi` handlers out."""

# Litestar reads the annotations when the document is made, so they must be importable at run time.
from typing import Annotated

from litestar import get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, HeaderParameter, QueryParameter
from umbral_chat.providers.presence import NAME_LIMIT

from umbral_chat_streaming.tickets import Ticket

STREAM = "/v1/conversations/{conversation:str}/stream"
TICKETS = "/v1/conversations/{conversation:str}/tickets"

EXAMPLE = """\
retry: 2000

event: status
data: {"state":"open","mode":"live","cursor":"k3f7q2mzxa.41","head":42}

event: entry
id: k3f7q2mzxa.42
data: {"kind":"message","seq":42,"at":"2026-01-31T09:30:00.123456Z","sender":{"role":"user","id":"visitor-7"},\
"message_id":"kq3vz5xw2n7m4b6t","content":"Is my order on its way?"}

event: signal
data: {"signal":"draft","message_id":"a1","offset":0,"text":"Let me","sender":{"role":"assistant"}}

: ping
"""


@get(
    STREAM,
    operation_id="stream",
    summary="Stream as Server-Sent Events",
    tags=["following"],
    opt={"right": "read"},
    responses={
        200: ResponseSpec(
            str,
            description="Events `entry`, `signal` and `status`, until the stream ends.",
            media_type="text/event-stream",
            generate_examples=False,
            examples=[Example(value=EXAMPLE)],
        ),
        204: ResponseSpec(None, description="Realtime is switched off: poll, and do not come back."),
    },
)
async def stream_documented(
    conversation: FromPath[str],  # noqa: ARG001 - the signature is what is documented
    after: Annotated[  # noqa: ARG001
        str | None,
        QueryParameter(
            description="A `cursor` to go on from, exactly as it was given. None or 0: from the beginning.",
            examples=[Example(value="k3f7q2mzxa.41")],
        ),
    ] = None,
    ticket: Annotated[  # noqa: ARG001
        str | None,
        QueryParameter(
            description="In place of the Authorization header, for a browser's EventSource: from `connect`, or from "
            "`POST …/tickets`. For one stream, within a minute."
        ),
    ] = None,
    device: Annotated[  # noqa: ARG001
        str | None,
        QueryParameter(
            max_length=NAME_LIMIT,
            description="The caller's device, as `PUT …/presence` named it: it stays present while the stream is open "
            "(`streaming.holds_presence`). None: the one of a caller who names none.",
        ),
    ] = None,
    last_event_id: Annotated[  # noqa: ARG001
        str | None,
        HeaderParameter(
            name="Last-Event-ID", description="The id of the last event, which is its cursor: goes before `after`."
        ),
    ] = None,
) -> str:
    """The entries that follow a cursor and then, as they happen, everything new: each entry once and in order, and
    signals, which move no cursor.

    The first event is a `status`. An `entry` has its cursor as its `id`, so that a client which comes back with
    `Last-Event-ID` misses nothing. Comments keep the connection open. The last event is a `status` whose `state` is
    `closed`, with a `code` and what to do next (`reconnect`). A conversation that was never made can be waited on.

    Problems: `cursor_expired` (start over with `after=0`), `conversation_deleted` (do not come back),
    `invalid_cursor`, `invalid_ticket`, `origin_refused`, `too_many_own_readers`, `too_many_readers`,
    `history_unavailable`, `draining`.
    """
    raise RuntimeError("documents the hot route and is never called")


@post(
    TICKETS,
    operation_id="ticket",
    summary="A ticket for a stream",
    tags=["following"],
    status_code=201,
    opt={"right": "read", "rate": "connects"},
)
async def ticket_documented(conversation: FromPath[str]) -> Ticket:  # noqa: ARG001
    """A credential for one stream of this conversation, for clients that can send no header: the parameter `ticket` of
    the stream. It is valid once, for a minute, and ends with the token that it was issued for.

    Problems: `conversation_deleted`, `origin_refused`, `rate_limited`, `history_unavailable`.
    """
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["STREAM", "TICKETS", "stream_documented", "ticket_documented"]
