"""The hooks. All are synchronous, do no I/O and return objects; only the methods of those objects are asynchronous."""

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
    from umbral_chat.providers.edges import Check, Consumer, ConsumerSource, Offer
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

    Called once, at start, before any provider is entered; also by the doctor, which starts no service.

    Parameters and bodies that a handler's signature does not name are refused before it is called; for a hot route the
    signatures of its `documented_by` count. A handler that reads the query or a body without naming it in its signature
    declares that: `opt={"query": "own"}`, `opt={"body": True}`. The document names the statuses that follow from a
    route's shape, and those of `opt={"problems": (404, 409)}`.
    """
    return ()


@hookspec
def umbral_chat_offers(services: Services, conversation: str, principal: Principal) -> Sequence[Offer]:
    """The ways in which `principal` may take the feed of `conversation`. Called at each `connect`; all are collected
    and ordered by rank. The core leaves out offers that push while realtime is off, for the service or the
    conversation, and offers whose named transport is not in use."""
    return ()


@hookspec
def umbral_chat_consumers(services: Services) -> Sequence[Consumer | ConsumerSource]:
    """Durable consumers of logs, and sources, which start and stop further ones while the service runs. Called once, at
    start, after the providers were entered; also by the doctor, which starts no service."""
    return ()


@hookspec
def umbral_chat_checks(services: Services) -> Sequence[Check]:
    """Checks for `umbral-chat doctor` and readiness. Called once, at start, before any provider is entered; also
    by the doctor, which starts no service: see `Check` for what exists then."""
    return ()


@hookspec
def umbral_chat_commands() -> Sequence[click.Command]:
    """Commands for `umbral-chat`. Called at each start of the command line, so it must import little."""
    return ()
