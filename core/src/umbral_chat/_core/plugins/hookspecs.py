"""The hooks. All are synchronous, do no I/O and return objects; what is asynchronous are those objects' methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbral_chat._core.settings.sections import Section
from umbral_chat.markers import hookspec

if TYPE_CHECKING:
    import click
    from litestar.types import ControllerRouterHandler

    from umbral_chat.context import Base, Services
    from umbral_chat.providers.auth import Authenticator, Principal
    from umbral_chat.providers.edges import Check, Consumer, Offer
    from umbral_chat.providers.history import Storage
    from umbral_chat.providers.presence import Presence
    from umbral_chat.providers.transport import Transport


@hookspec
def umbral_chat_settings() -> type[Section]:
    """The plugin's own section: a frozen Struct with a default for every field.

    Called once, before the settings are read. The section's name in the file is the entry point's name. At most one
    a plugin.
    """
    return Section


@hookspec
def umbral_chat_history(base: Base) -> Storage | None:
    """A history with its shared store, or None when it is not configured.

    Called once, at start. All are collected; `core.history` selects by name; two and none selected is an error;
    without any the core's SQLite is used.
    """


@hookspec
def umbral_chat_transport(base: Base, storage: Storage) -> Transport | None:
    """A transport, or None when it is not configured. Called once, at start; all are collected, ordered by rank."""


@hookspec
def umbral_chat_presence(base: Base, storage: Storage) -> Presence | None:
    """A presence, or None. Called once, at start; selected by `core.presence` as the history is."""


@hookspec
def umbral_chat_authenticator(base: Base, storage: Storage) -> Authenticator | None:
    """An authenticator, or None. Called once, at start; all are collected and asked by rank, lowest first."""


@hookspec
def umbral_chat_routes(services: Services) -> Sequence[ControllerRouterHandler]:
    """Litestar route handlers, each with `opt={"right": …}`: a route without a right is refused at start. Every request
    of a visitor or user counts towards `core.limits.requests_per_second`; `opt={…, "rate": "markers"}` names another
    rate beside it.

    Called once, at start, before anything is entered; the doctor calls it, too, and starts no service.

    Parameters and bodies that a handler's signature does not name are refused before it is called; a hot route is held
    to the signatures of its `documented_by`. A handler that reads the query or a body past its signature says so:
    `opt={"query": "own"}`, `opt={"body": True}`. The document names the statuses that follow from a route's shape, and
    those of `opt={"problems": (404, 409)}`.
    """
    return ()


@hookspec
def umbral_chat_offers(services: Services, conversation: str, principal: Principal) -> Sequence[Offer]:
    """The ways in which `principal` may take the feed of `conversation`. Called at each `connect`; all are collected
    and ordered by rank. The core leaves out what pushes while realtime is off, for the service or the conversation, and
    while the transport is not in use that the offer names."""
    return ()


@hookspec
def umbral_chat_consumers(services: Services) -> Sequence[Consumer]:
    """Durable consumers of logs. Called once, at start, after the providers were entered; the doctor calls it, too, and
    starts no service."""
    return ()


@hookspec
def umbral_chat_checks(services: Services) -> Sequence[Check]:
    """Checks for `umbral-chat doctor` and readiness. Called once, at start, before anything is entered; the doctor
    calls it, too, and starts no service: what there is then is said with `Check`."""
    return ()


@hookspec
def umbral_chat_commands() -> Sequence[click.Command]:
    """Commands for `umbral-chat`. Called whenever the command line starts, so it must import little."""
    return ()
