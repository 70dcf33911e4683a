"""The routes. Every present device calls them often, so they are hot routes."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
from umbral_chat.errors import HistoryUnavailable, InvalidRequest
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import DEVICE, check_name, viewer
from umbral_chat.providers.presence_reports import (
    PresenceBody,
    RenewalView,
    TypingBody,
    check_log,
    read_report,
    typing_seconds,
)

from umbral_chat_presence.http.bodies import ROLES, LeftView, PresenceView
from umbral_chat_presence.http.document import PRESENCE, TYPING, leave, presence, report, typing

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler
    from litestar.types import Receive, Scope, Send
    from umbral_chat.context import Services
    from umbral_chat.providers.presence import Presence

    from umbral_chat_presence.settings import PresenceSettings

NO_PARAMETERS: frozenset[str] = frozenset()
WHOSE = frozenset({"device", "role", "id"})

_encoder = msgspec.json.Encoder()
_presence_body = msgspec.json.Decoder(PresenceBody)
_typing_body = msgspec.json.Decoder(TypingBody)


class PresenceRoutes:
    """Validates requests and passes them to the presence provider."""

    def __init__(self, services: Services, provider: Presence, settings: PresenceSettings) -> None:
        self._presence = provider
        self._bounds = settings.bounds
        self._chat = services.chat
        self._feeds = services.feeds
        self._body_bytes = services.base.settings.core.limits.body_bytes

    async def put(self, scope: Scope, receive: Receive, send: Send) -> None:
        """PUT: report a device."""
        caller, conversation = asgi.principal(scope), asgi.conversation(scope)
        body = asgi.decode(_presence_body, await self._raw(scope, receive))
        person = self._chat.speaking(caller, body.sender)
        reported = read_report(body, person, self._bounds, depth=asgi.depth_of(scope))
        await check_log(self._feeds, caller, conversation)
        renewal = self._presence.report(conversation, reported)
        view = RenewalView.of(reported.device, renewal)
        await asgi.send_json(send, 200, _encoder.encode(view))

    async def delete(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as the others are
        """DELETE: a device leaves."""
        caller, conversation = asgi.principal(scope), asgi.conversation(scope)
        query = asgi.query(scope, WHOSE)
        person = self._chat.speaking(caller, _whose(query))
        device = check_name(query.get("device", DEVICE))
        await check_log(self._feeds, caller, conversation)
        left = self._presence.leave(conversation, person, device)
        if not left:
            # It may be with another instance, whose roster this one does not know yet.
            with suppress(HistoryUnavailable):
                await self._presence.settled(conversation)
                left = self._presence.leave(conversation, person, device)
        await asgi.send_json(send, 200, _encoder.encode(LeftView(left=left)))

    async def get(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as the others are
        """GET: who is present and who types, on all instances."""
        caller, conversation = asgi.principal(scope), asgi.conversation(scope)
        asgi.query(scope, NO_PARAMETERS)
        await check_log(self._feeds, caller, conversation)
        await self._presence.settled(conversation)
        data = _encoder.encode(PresenceView.of(conversation, self._presence.state(conversation, viewer(caller))))
        tag = f'W/"{blake2b(data, digest_size=12).hexdigest()}"'
        headers = [(b"etag", tag.encode()), (b"cache-control", b"private, no-cache")]
        if asgi.header(scope, b"if-none-match") == tag:
            await asgi.send_empty(send, 304, headers)
        else:
            await asgi.send_json(send, 200, data, headers)

    async def post_typing(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST: a person types, or stopped."""
        caller, conversation = asgi.principal(scope), asgi.conversation(scope)
        body = asgi.decode(_typing_body, await self._raw(scope, receive))
        person = self._chat.speaking(caller, body.sender)
        seconds = typing_seconds(body, self._bounds)
        await check_log(self._feeds, caller, conversation)
        now = self._presence.typing(conversation, person, body.typing, seconds=seconds)
        await asgi.send_json(send, 200, _encoder.encode(now))

    async def _raw(self, scope: Scope, receive: Receive) -> bytes:
        asgi.query(scope, NO_PARAMETERS)
        return await asgi.optional_body(scope, receive, self._body_bytes)


def routes(services: Services, provider: Presence, settings: PresenceSettings) -> list[ASGIRouteHandler]:
    """The handlers of the two paths."""
    edge = PresenceRoutes(services, provider, settings)
    methods = {"GET": edge.get, "PUT": edge.put, "DELETE": edge.delete}

    async def presence_route(scope: Scope, receive: Receive, send: Send) -> None:
        await methods[str(scope.get("method"))](scope, receive, send)

    async def typing_route(scope: Scope, receive: Receive, send: Send) -> None:
        await edge.post_typing(scope, receive, send)

    return [
        HotRoute(
            PRESENCE,
            copy_scope=False,
            opt={"right": dict.fromkeys(methods, "read"), "documented_by": [presence, report, leave]},
        )(presence_route),
        HotRoute(TYPING, copy_scope=False, opt={"right": {"POST": "send"}, "documented_by": typing})(typing_route),
    ]


def _whose(query: dict[str, str]) -> Sender | None:
    if "role" not in query and "id" not in query:
        return None
    for role in ROLES:
        if query.get("role") == role:
            return Sender(role=role, id=query.get("id"))
    raise InvalidRequest(
        f"With id or role, role is one of {', '.join(ROLES)}.",
        code="invalid_field",
        field="role",
    )


__all__ = ["PresenceRoutes", "routes"]
