"""The hooks that this plugin implements. supabase-py is imported only when a project is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat import hookimpl

from umbral_chat_realtime_supabase.settings import Supabase

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click
    from umbral_chat.context import Base, Services
    from umbral_chat.providers.auth import Authenticator, Principal
    from umbral_chat.providers.edges import Check, Offer
    from umbral_chat.providers.history import Storage
    from umbral_chat.providers.transport import Transport


@hookimpl
def umbral_chat_settings() -> type[Supabase]:
    """The section `supabase`."""
    return Supabase


@hookimpl
def umbral_chat_history(base: Base) -> Storage | None:
    """The logs in the project's database, when URL and key are set."""
    settings = _settings(base)
    if settings.url is None or settings.key is None or not settings.history:
        return None
    from umbral_chat_realtime_supabase.storage import open_storage

    return open_storage(settings, settings.key, base.clock, base.telemetry)


@hookimpl
def umbral_chat_transport(base: Base, storage: Storage) -> Transport | None:
    """Realtime, where the logs are in the project's database: it broadcasts the entries that are stored there."""
    settings = _settings(base)
    if settings.key is None or not settings.realtime or storage.name != "supabase":
        return None
    from umbral_chat_realtime_supabase.direct.member_signals import MemberSignals, MemberTopics
    from umbral_chat_realtime_supabase.live import SupabaseTransport
    from umbral_chat_realtime_supabase.store import SupabaseStore

    if not isinstance(storage.store, SupabaseStore):
        return None
    calls, members = storage.store.calls, None
    if settings.direct and settings.publishable_key is not None:
        topics = MemberTopics(calls, base.clock, ttl=settings.membership_ttl)
        members = MemberSignals(topics.find, settings, settings.key, base.clock, base.telemetry)
    queue = base.settings.realtime.hint_queue
    return SupabaseTransport(
        storage,
        calls,
        settings,
        settings.key,
        base.clock,
        base.telemetry,
        queue=queue,
        members=members,
        membership_events=storage.store.membership_events,
    )


@hookimpl
def umbral_chat_authenticator(base: Base, storage: Storage) -> Authenticator | None:
    """The project's users, when the URL is set."""
    settings = _settings(base)
    if settings.url is None or not settings.users:
        return None
    from umbral_chat_realtime_supabase.users import make_authenticator

    return make_authenticator(base, storage, settings)


@hookimpl
def umbral_chat_offers(services: Services, conversation: str, principal: Principal) -> Sequence[Offer]:
    """The conversation's own channel, for a user of the project who is a member of it."""
    settings = _settings(services.base)
    if principal.kind != "user" or not settings.direct:
        return ()
    from umbral_chat_realtime_supabase.direct.offer import offer

    whole = services.base.settings
    found = offer(
        conversation,
        principal,
        settings,
        here=whole.core.public_url or "",
        reconcile_interval=whole.realtime.reconcile_interval,
    )
    return () if found is None else (found,)


@hookimpl
def umbral_chat_checks(services: Services) -> Sequence[Check]:
    """Checks of the connection to the project, of access control, and of broadcasts."""
    settings = _settings(services.base)
    if settings.url is None:
        return ()
    from umbral_chat_realtime_supabase.doctor import checks

    logs = services.storage.name == "supabase"
    return checks(settings, services.base.clock, services.base.telemetry, logs=logs)


@hookimpl
def umbral_chat_commands() -> Sequence[click.Command]:
    """The command group `umbral-chat supabase`."""
    from umbral_chat_realtime_supabase.cli import supabase

    return (supabase,)


def _settings(base: Base) -> Supabase:
    return base.settings.section("supabase", Supabase)
