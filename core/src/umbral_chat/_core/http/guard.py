"""The guard that authorizes every route. The default is to deny; a route that names no right is refused at start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from umbral_chat._core.auth.gate import Gate, authorize
from umbral_chat._core.auth.limits import RATES, Rates
from umbral_chat._core.http.accepted_input import AcceptedInput, accepted_input
from umbral_chat._core.http.local_only import check_local
from umbral_chat._core.http.session_cookie import SessionCookie
from umbral_chat.errors import Forbidden, PluginError, Unavailable
from umbral_chat.http_kit.asgi import LIMIT_OF_DEPTH, PRINCIPAL
from umbral_chat.http_kit.origins import OriginCheck
from umbral_chat.http_kit.websocket import KEYLESS_REFUSAL, SESSION_CREDENTIAL
from umbral_chat.model.depth import DEPTH
from umbral_chat.model.ids import check_conversation_id
from umbral_chat.providers.auth import Principal

_WEBSOCKET = ScopeType.WEBSOCKET  # to look a member of an enumeration up takes longer than to compare it

PUBLIC = "public"
"""In place of a right: the route is open to every caller, as health and the API's document are."""


class Guard:
    """Litestar's app-level guard. `gate` is set once the service has started; until then every request is refused."""

    def __init__(
        self,
        *,
        local_only: bool,
        cors_origins: list[str],
        rates: Rates,
        depth: int = DEPTH,
        public_url: str | None = None,
    ) -> None:
        self.gate: Gate | None = None
        self._check_origin = OriginCheck(cors_origins, public_url)
        self._cookie = SessionCookie(public_url)
        self._depth = depth
        self._accepted: dict[tuple[Any, str], AcceptedInput] = {}
        self._local_only = local_only
        self._rates = rates
        self._origins = frozenset(cors_origins)

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Litestar's interface of a guard: see `check`."""
        await self.check(connection.scope, handler)

    async def check(self, scope: Scope, handler: BaseRouteHandler) -> None:
        """Return for a request that may pass, with its principal in the scope's state.

        Raises Unauthorized, Forbidden, TooManyRequests, Unavailable, and InvalidRequest for an invalid conversation id
        and for input that the route does not accept.
        """
        method = str(scope.get("method", "GET"))
        right = required_right(handler, method)
        scope["state"][LIMIT_OF_DEPTH] = self._depth
        self._check_page(scope, handler)
        if right != PUBLIC:
            if self.gate is None:
                raise Unavailable("The service has not started yet.", code="not_started")
            sent = [value for name, value in scope["headers"] if name == b"authorization"]
            header = sent[0] if sent else None
            if header is None and self._local_only:
                check_local(scope["headers"], http_version=str(scope.get("http_version", "1.1")), origins=self._origins)
            conversation = scope["path_params"].get("conversation")
            if conversation is not None:
                check_conversation_id(conversation)
            by_route = header is None and "authenticate" in handler.opt
            principal = None if by_route else self.gate.cached(header)
            if principal is None:
                principal = await self._admit(self.gate, scope, handler, header, right, conversation)
            else:
                self.gate.count(principal)
                authorize(principal, right, conversation)
            rate = handler.opt.get("rate")
            if rate is not None:
                self._rates.check(rate, principal)
            scope["state"][PRINCIPAL] = principal
        # Litestar passes a copy of the handler; the function is the same object.
        key = (handler.fn, method)
        accepted = self._accepted.get(key)
        if accepted is None:
            accepted = self._accepted[key] = accepted_input(handler, method, frozenset(scope["path_params"]))
        accepted.check(scope)

    async def _admit(
        self,
        gate: Gate,
        scope: Scope,
        handler: BaseRouteHandler,
        header: bytes | None,
        right: Any,
        conversation: str | None,
    ) -> Principal:
        """The principal of the header; or, without one, whom the route recognizes by other means, as a stream does by
        its ticket (`opt={"authenticate": …}`, which returns None for a request that has nothing of that kind), or the
        operator whose session the cookie names.

        A header goes before the cookie, which a browser sends by itself: an operator may look at a page that has a
        visitor's token.
        """
        if header is not None:
            return await gate.admit(header, right, conversation)
        recognize: Callable[[Scope], Awaitable[Principal | None]] | None = handler.opt.get("authenticate")
        if recognize is not None and conversation is not None:
            principal = await recognize(scope)
            if principal is not None:
                gate.count(principal)
                return await gate.reauthorize(principal, right, conversation)
        if not self._local_only and (credential := self._cookie.read(scope)) is not None:
            self._cookie.check_page(scope)
            return await gate.admit_session(credential, right, conversation)
        return await gate.admit(None, right, conversation)

    def _keep_session(self, scope: Scope) -> None:
        """Leave in the scope of a WebSocket its session's credential, for a first frame without one. Of a page of
        another origin, which may come with a token of its own, the cookie is not read."""
        if self._local_only or not self._cookie.is_own_page(scope):
            return
        if (credential := self._cookie.read(scope)) is not None:
            scope["state"][SESSION_CREDENTIAL] = credential

    def _check_page(self, scope: Scope, handler: BaseRouteHandler) -> None:
        socket = scope["type"] == _WEBSOCKET
        check_origin = handler.opt.get("origins")
        if check_origin is not None:
            # An `OriginCheck`, where CORS does not protect: before a refusal could tell a page anything.
            check_origin(scope)
        elif socket:
            # A browser opens a WebSocket for any page, and sends no credentials that a page of another origin lacks.
            self._check_origin(scope)
        if socket:
            self._check_keyless(scope)
            self._keep_session(scope)

    def _check_keyless(self, scope: Scope) -> None:
        """Leave in the scope why a WebSocket may not be used without credentials: they come in its first frame."""
        if not self._local_only:
            return
        try:
            check_local(scope["headers"], http_version=str(scope.get("http_version", "1.1")), origins=self._origins)
        except Forbidden as error:
            scope["state"][KEYLESS_REFUSAL] = error


def required_right(handler: BaseRouteHandler, method: str) -> Any:
    """The right that a handler needs for this method. Raises Litestar's 405 for a method that it does not take."""
    right: str | Mapping[str, str] | None = handler.opt.get("right")
    if isinstance(right, str):
        return right
    if right is None:
        raise Forbidden("This route names no right.", code="forbidden")
    try:
        return right[method]
    except KeyError:
        raise MethodNotAllowedException(headers={"allow": ", ".join(right)}) from None


def check_rights(handlers: Any) -> None:
    """Raises PluginError for a route that names no right, or an unknown rate."""
    for handler in handlers:
        rate = handler.opt.get("rate")
        if rate is not None and rate not in RATES:
            raise PluginError(
                f"The route {sorted(handler.paths)} names the rate {rate!r}; there are {', '.join(sorted(RATES))}."
            )
        if handler.opt.get("right") is None:
            raise PluginError(f"The route {sorted(handler.paths)} names no right: give it opt={{'right': …}}.")


__all__ = ["PUBLIC", "Guard", "check_rights", "required_right"]
