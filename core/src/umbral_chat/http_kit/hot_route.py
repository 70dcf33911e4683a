"""The handler of hot routes: Litestar's `@asgi` behind the same guards, without what asking them costs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, cast, runtime_checkable

from litestar.connection import ASGIConnection
from litestar.handlers import ASGIRouteHandler, BaseRouteHandler
from litestar.types import Receive, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Ask = Callable[[Scope, "HotRoute"], Awaitable[None]]

RAISED = "umbral_chat_raised"
"""Key of the scope's state under which an error waits that was raised before Litestar was asked."""


@runtime_checkable
class AsksScope(Protocol):
    """Optional ability of a guard: it decides from the ASGI scope alone. Litestar's generic connection, which other
    guards are called with, takes as long to make as such a guard takes to decide."""

    async def check(self, scope: Scope, handler: BaseRouteHandler) -> None:
        """Raises what the guard raises when it is called."""
        ...


class HotRoute(ASGIRouteHandler):
    """An `@asgi` handler: `HotRoute(path, copy_scope=False, opt={"right": …, "documented_by": […]})(function)`.

    At each request Litestar makes a generic connection by subscription and hands every guard a copy of the handler:
    together more than the guard, the answer and the routing take. So this handler shows Litestar no guards and asks
    them, all of them and first of all, by itself.
    """

    def __call__(self, fn: Application) -> HotRoute:
        """Decorate `fn`."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if (error := scope["state"].pop(RAISED, None)) is not None:
                raise cast("Exception", error)
            # Litestar registers a copy of the handler, which alone knows the layers it was registered in.
            handler = cast("HotRoute", scope["route_handler"])
            for ask in handler.layered_guards():
                await ask(scope, handler)
            await fn(scope, receive, send)

        return super().__call__(guarded)

    def layered_guards(self) -> Sequence[Ask]:
        """The guards of every layer, the app's first."""
        found: Sequence[Ask] | None = getattr(self, "_layered", None)
        if found is None:
            found = self._layered = tuple(map(_of_scope, super().resolve_guards()))
        return found

    def resolve_guards(self) -> list[Any]:
        """None that Litestar is to ask."""
        return []


def _of_scope(guard: Any) -> Ask:
    if isinstance(guard, AsksScope):
        return guard.check

    async def ask(scope: Scope, handler: HotRoute) -> None:
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        await guard(connection, handler)

    return ask


__all__ = ["RAISED", "AsksScope", "HotRoute"]
