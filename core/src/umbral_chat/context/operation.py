"""Who may do what, which plugins there are, and whether the service goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from umbral_chat.providers.auth import Principal, Right


class AccessService(Protocol):
    """Who may do what, for connections that last: a request is authenticated and authorized once, by the guard."""

    async def authenticate(self, credential: str | None) -> Principal:
        """The principal of a bearer credential (None: there was none). A user of an identity provider has its rights
        only in a conversation: see `authorize`. Raises Unauthorized (`unauthorized`, `token_expired`), TooManyRequests
        (`rate_limited`) and Unavailable."""
        ...

    async def authenticate_session(self, credential: str) -> Principal:
        """The operator whose session this is, by the credential that `http_kit.websocket.session_credential` found.
        Raises Unauthorized (`session_ended`) and HistoryUnavailable."""
        ...

    async def authorize(self, principal: Principal, right: Right, conversation: str) -> Principal:
        """The principal as it is in `conversation` now, if it has `right` there now; also asked again, for a principal
        that this returned before.

        Raises Unauthorized (`token_expired` past its expiry), Forbidden, ConversationDeleted, and Unavailable when that
        cannot be decided now.
        """
        ...

    def count(self, principal: Principal, rate: Literal["requests", "drafts", "markers"] = "requests") -> None:
        """Count one action of `principal` towards a rate, as the guard counts a request. Raises TooManyRequests
        (`rate_limited`)."""
        ...

    def encode(self, principal: Principal) -> bytes:
        """The principal for a record in the shared store. It has no credential in it."""
        ...

    def decode(self, data: bytes) -> Principal:
        """The principal that `encode` encoded, at any instance. Raises Unauthorized when it cannot be read."""
        ...


class PluginList(Protocol):
    """The installed plugins."""

    @property
    def statuses(self) -> Sequence[PluginInfo]:
        """Each with its state."""
        ...


class PluginInfo(Protocol):
    """One installed plugin."""

    @property
    def name(self) -> str:
        """Its entry point, and its section in the settings."""
        ...

    @property
    def state(self) -> Literal["active", "disabled", "broken", "incompatible"]:
        """Whether it is active."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it is not."""
        ...

    @property
    def faults(self) -> tuple[str, ...]:
        """What its hooks have raised since the start."""
        ...


class ServiceLifecycle(Protocol):
    """When the service began, and whether it only finishes what it has."""

    started_at: datetime
    draining: asyncio.Event
    """Set from the moment at which open requests are to be answered at once."""

    def on_drain(self, listener: Callable[[], None]) -> None:
        """Call `listener` when draining begins."""
        ...


__all__ = ["AccessService", "PluginInfo", "PluginList", "ServiceLifecycle"]
