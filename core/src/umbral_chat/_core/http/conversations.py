"""Routes for conversations: the inbox, one conversation, read markers, drafts, and `connect`."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from umbral_chat._core.delivery.offers import completed, filter_available
from umbral_chat._core.history.monitored import operator_inbox
from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat._core.http.messages import IdempotencyKey, key_text
from umbral_chat._core.http.views import ConnectView, ConversationView, DraftLength, InboxView, ReadView
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.conversations import InboxFilter
from umbral_chat.model.cursor import START
from umbral_chat.model.entries import Status
from umbral_chat.model.requests import ConversationBody, DraftBody, PatchBody, ReadBody, TakeoverBody
from umbral_chat.model.validation import SEARCH_LIMIT, check_assignee, check_text
from umbral_chat.providers.auth import Principal

ALL = "/v1/conversations"
ONE = ALL + "/{conversation:str}"


@post(
    ALL,
    operation_id="makeConversation",
    summary="Make, update or revive a conversation",
    tags=["conversations"],
    opt={"right": "manage", "problems": (404, 409, 410)},
    responses={200: ResponseSpec(ConversationView, description="It existed already.", generate_examples=False)},
)
async def make(
    services: Parts, principal: Caller, data: JSONBody[ConversationBody], idempotency_key: IdempotencyKey = None
) -> Response[ConversationView]:
    """Make a conversation, update the one with this id, or revive a deleted one with a new epoch. 201: it was made or
    revived."""
    conversation, made = await services.chat.make(principal, data, key_text(idempotency_key))
    return Response(ConversationView.of(conversation), status_code=201 if made else 200)


@get(
    ALL,
    operation_id="inbox",
    summary="The inbox",
    tags=["conversations"],
    opt={"right": "inbox"},
    responses={304: ResponseSpec(None, description="Nothing changed.")},
)
async def inbox(
    request: Request[Any, Any, Any],
    services: Parts,
    principal: Caller,
    limit: Annotated[int, QueryParameter(description="Most conversations in the page.")] = 50,
    before: Annotated[str | None, QueryParameter(description="`before` of the previous page.")] = None,
    status: Annotated[Status | None, QueryParameter(description="Only conversations with this status.")] = None,
    waiting: Annotated[
        bool | None,
        QueryParameter(
            description="`true`: only open conversations whose last message is a user's. `false`: only the others."
        ),
    ] = None,
    assignee: Annotated[
        str | None,
        QueryParameter(
            description="Only conversations that this subject has. `none`: only those that nobody has. `me`: only the "
            "caller's own."
        ),
    ] = None,
    q: Annotated[
        str | None,
        QueryParameter(
            description="Only conversations whose title or id contains this text, of at most 200 characters; upper and "
            "lower case are the same."
        ),
    ] = None,
) -> Response[InboxView]:
    """Conversations by last activity, newest first, each with its head, last message and unread count.

    Filters may be combined: what all of them ask for must hold. With `q` one request searches 10,000 conversations at
    most; a page may then be shorter than `limit`, or empty, while its `before` says where to go on.

    The answer has an `ETag`. Send it back as `If-None-Match`: an inbox that has not changed is answered with 304.
    """
    most = services.base.settings.core.limits.page
    asgi.check_bounds(limit, field="limit", least=1, most=most)
    sought = InboxFilter(
        status=status,
        waiting=waiting,
        assignee=_assignee(principal, assignee),
        text=None if q is None else check_text(q, field="q", limit=SEARCH_LIMIT),
    )
    page = await operator_inbox(services.storage.history).search(
        sought, limit=limit, before=before, subject=principal.author
    )
    view = InboxView(conversations=[ConversationView.of(one) for one in page.conversations], before=page.before)
    data = msgspec.json.encode(view)
    asked = msgspec.json.encode((principal.author, sought, limit, before))
    etag = f'W/"{blake2b(data + asked, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]  # a 304 has no body
    return Response(data, headers=headers, media_type="application/json")  # type: ignore[arg-type]  # encoded already


def _assignee(principal: Principal, asked: str | None) -> str | UnsetType | None:
    if asked is None:
        return UNSET
    if asked == "none":
        return None
    if asked != "me":
        return check_assignee(asked)
    if principal.sender.id is None:
        raise InvalidRequest("`me` needs a caller with an id.", code="invalid_field", field="assignee")
    return principal.sender.id


@get(
    ONE,
    operation_id="conversation",
    summary="One conversation",
    tags=["conversations"],
    opt={"right": "read", "problems": (404,)},
)
async def show(services: Parts, principal: Caller, conversation: FromPath[str]) -> ConversationView:
    """Its state, its head and cursor, its last message, and how many messages the caller has not read."""
    return ConversationView.of(await services.chat.conversation(principal, conversation))


@patch(
    ONE,
    operation_id="patchConversation",
    summary="Change a conversation",
    tags=["conversations"],
    opt={"right": "manage", "problems": (404, 409)},
)
async def change(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    data: JSONBody[PatchBody],
    idempotency_key: IdempotencyKey = None,
) -> ConversationView:
    """Change title, metadata, status, responder, assignee, realtime or members; its readers receive an `update` entry.

    `responder: human` together with an `assignee` takes the conversation over: while another agent has it, the answer
    is 409 `already_taken`, and its `assignee` says who. `assignee` alone hands it over, or with null lets go of it,
    whoever has it. `responder: assistant` gives it back to the assistant and clears `assignee` in the same entry."""
    return ConversationView.of(await services.chat.patch(principal, conversation, data, key_text(idempotency_key)))


@post(
    ONE + "/takeover",
    operation_id="takeOver",
    summary="Take over from the assistant",
    tags=["conversations"],
    status_code=200,
    opt={"right": "moderate", "problems": (404, 409)},
)
async def take_over(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    data: JSONBody[TakeoverBody],
    idempotency_key: IdempotencyKey = None,
) -> ConversationView:
    """Set `responder: human` and `assignee` in one entry, if nobody else has the conversation: of several agents who
    take it at once one succeeds, and the others get 409 `already_taken`, whose `assignee` says who. Who has it already
    may take it again."""
    return ConversationView.of(await services.chat.take_over(principal, conversation, data, key_text(idempotency_key)))


@delete(
    ONE + "/takeover",
    operation_id="giveBack",
    summary="Give back to the assistant",
    tags=["conversations"],
    status_code=200,
    opt={"right": "moderate", "problems": (404, 409)},
)
async def give_back(
    services: Parts, principal: Caller, conversation: FromPath[str], idempotency_key: IdempotencyKey = None
) -> ConversationView:
    """Set `responder: assistant` and clear `assignee` in one entry, whoever has the conversation."""
    return ConversationView.of(await services.chat.give_back(principal, conversation, key_text(idempotency_key)))


@delete(
    ONE,
    operation_id="deleteConversation",
    summary="Delete a conversation",
    tags=["conversations"],
    opt={"right": "manage", "problems": (404,)},
)
async def remove(services: Parts, conversation: FromPath[str]) -> None:
    """Remove everything of a conversation. Its readers get 410 `conversation_deleted`; for 30 days only an explicit
    creation revives it, with a new epoch."""
    await services.chat.delete(conversation)


@post(
    ONE + "/read",
    operation_id="markRead",
    summary="Mark as read",
    tags=["conversations"],
    status_code=200,
    opt={"right": "read", "rate": "markers", "problems": (404,)},
)
async def mark_read(
    services: Parts, principal: Caller, conversation: FromPath[str], data: JSONBody[ReadBody]
) -> ReadView:
    """Raise the caller's read marker. It is durable, never lower and at most the head; `unread` counts from it.

    With `receipt: true` the others of the conversation see how far the caller has read, from now on: as `readers` of
    `connect` and of polls, and as signals, at most one a second. `receipt: false` ends that. Of the readers of one
    conversation the 50 are shown who allowed it last."""
    return ReadView(seq=await services.chat.mark_read(principal, conversation, data.seq, data.receipt))


@post(
    ONE + "/drafts",
    operation_id="draft",
    summary="A piece of a draft",
    tags=["messages"],
    status_code=200,
    opt={"right": "send", "rate": "drafts", "problems": (404, 409)},
)
async def draft(
    services: Parts, principal: Caller, conversation: FromPath[str], data: JSONBody[DraftBody]
) -> DraftLength:
    """A piece of a message that is being written. The message with the same `message_id`, by the same author, ends the
    draft.

    A piece begins where the text so far ends; otherwise the answer is 409 `draft_offset`, and `expected` is the offset
    to go on from, at this or any other instance. A piece that is repeated exactly changes nothing, and an empty one is
    a sign of life. A draft without a sign of life for `core.drafts.silence` (30 s) ends in the log: as a message whose
    `finish` is `interrupted`, with the text so far. Its author may still complete it, by sending the message."""
    return DraftLength(message_id=data.message_id, length=await services.chat.draft(principal, conversation, data))


@post(
    ONE + "/connect",
    operation_id="connect",
    summary="What to use now",
    tags=["following"],
    status_code=200,
    opt={"right": "read", "rate": "connects"},
)
async def connect(services: Parts, principal: Caller, conversation: FromPath[str]) -> ConnectView:
    """The ways in which this client may follow the conversation now, best first, and the cursor to start from.

    Load the history first and follow from its cursor, or follow from this one: neither misses anything. Edges that push
    are offered while they work: not while realtime is off, for the service or for this conversation, nor while it is
    down.
    """
    found = await services.storage.history.conversation(conversation)
    if found is not None:
        check_epoch(principal, conversation, found.epoch)
    pushing = services.toggle.state.enabled and (found is None or found.realtime != "off")
    offers = services.plugins.offers(services, conversation, principal)
    await services.draft_keeper.reconciler.read(conversation)
    await services.receipts.read(conversation)
    return ConnectView(
        offers=await completed(filter_available(offers, pushing=pushing, choice=services.failover.choice)),
        cursor=str(START if found is None else found.cursor),
        drafts=services.drafts.of(conversation),
        runs=services.runs.of(conversation),
        readers=services.receipts.of(conversation),
        mode=services.failover.mode,
    )


HANDLERS = [make, inbox, show, change, take_over, give_back, remove, mark_read, draft, connect]

__all__ = ["ALL", "HANDLERS", "ONE"]
