"""The routes by which an operator signs in at a page of this service, and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import JSONBody
from msgspec import Meta

from umbral_chat._core.auth.sessions import LONGEST, OperatorSession, ends_at
from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat._core.http.session_cookie import SessionCookie
from umbral_chat.errors import Conflict, NotFound
from umbral_chat.model.entries import Role
from umbral_chat.model.requests import SessionBody
from umbral_chat.providers.auth import Principal

PATH = "/v1/session"

_NOT_KEPT = {"Cache-Control": "no-store"}


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and what it may do."""

    kind: Annotated[
        Literal["session", "key", "local", "token", "user"],
        Meta(description="`session`: an operator who signed in. `local`: a service without keys, which needs none."),
    ]
    subject: Annotated[str, Meta(description="The id of its messages' sender, and the `assignee` of what it takes.")]
    role: Role
    name: str | None
    rights: list[str]
    expires_at: Annotated[datetime | None, Meta(description="When it ends without a further request; null: never.")]

    @classmethod
    def of(cls, principal: Principal) -> SessionView:
        """What is said of a caller."""
        session = principal if isinstance(principal, OperatorSession) else None
        return cls(
            kind=principal.kind if session is None else "session",
            subject=principal.sender.id or principal.subject,
            role=principal.role,
            name=principal.name,
            rights=sorted(principal.rights),
            expires_at=None if session is None else ends_at(session),
        )


@post(
    PATH,
    operation_id="signIn",
    summary="Sign in as an operator",
    tags=["session"],
    opt={"right": "inbox", "problems": (403, 409, 429)},
)
async def sign_in(
    request: Request[Any, Any, Any], services: Parts, principal: Caller, data: JSONBody[SessionBody]
) -> Response[SessionView]:
    """Begin a session, with a service key that has the rights `inbox` and `send_as`. The answer sets a cookie that no
    script can read; the page forgets the key.

    The operator's messages have the role `agent`, the given name, and an id of this session alone. The session has the
    key's rights except `admin`, `tokens` and `metrics`. It ends 12 hours after its last request, after 7 days at the
    latest, by `DELETE /v1/session`, and when its key is removed or replaced. Requests with the cookie that change
    something need this service's own `Origin` (`origin_refused`). A request with an Authorization header is that
    header's alone, and the cookie is not read.

    A user of an identity provider who is an operator (Supabase: `supabase.operator_key`) signs in with its own token.
    Such a session has the rights of the key that the setting names, an id that is the same at each sign-in, the
    provider's name of the user if it has one, and ends after 12 hours. A user has at most 8: a further one ends the
    oldest.
    """
    if principal.kind == "local":
        raise Conflict("This service has no keys: every caller on this machine may do all.", code="no_sign_in")
    begun = await services.access.sessions.begin(principal, data.name)
    cookie = SessionCookie(services.base.settings.core.public_url).set(request.scope, begun.credential, LONGEST)
    return Response(SessionView.of(begun.session), headers={**_NOT_KEPT, "Set-Cookie": cookie})


@get(PATH, operation_id="session", summary="Who calls", tags=["session"], opt={"right": "inbox"})
async def show(principal: Caller) -> Response[SessionView]:
    """Who the caller is, by its cookie or its Authorization header, and until when. 401: sign in."""
    return Response(SessionView.of(principal), headers=_NOT_KEPT)


@delete(
    PATH,
    operation_id="signOut",
    summary="Sign out",
    tags=["session"],
    status_code=204,
    opt={"right": "inbox", "problems": (404,)},
)
async def sign_out(request: Request[Any, Any, Any], services: Parts, principal: Caller) -> Response[None]:
    """End the session of the cookie. This instance refuses its requests at once; the others do, and the streams that it
    opened end, within `realtime.reconcile_interval`."""
    if not isinstance(principal, OperatorSession):
        raise NotFound("This request has no session: there is nothing to end.", code="not_found")
    await services.access.sessions.end(principal)
    cookie = SessionCookie(services.base.settings.core.public_url).clear(request.scope)
    return Response(None, status_code=204, headers={**_NOT_KEPT, "Set-Cookie": cookie})


HANDLERS = [sign_in, show, sign_out]

__all__ = ["HANDLERS", "PATH", "SessionView"]
