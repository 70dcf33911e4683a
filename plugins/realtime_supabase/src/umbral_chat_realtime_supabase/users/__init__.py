"""Supabase's users as callers: their tokens and their memberships."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbral_chat.errors import SettingsError
from umbral_chat.settings import Key

from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.store import SupabaseStore
from umbral_chat_realtime_supabase.users.authenticator import SupabaseUsers
from umbral_chat_realtime_supabase.users.jwks import Jwks
from umbral_chat_realtime_supabase.users.membership import Memberships, database_lookup, history_lookup
from umbral_chat_realtime_supabase.users.verify import TokenRules

if TYPE_CHECKING:
    from umbral_chat.context import Base
    from umbral_chat.providers.history import Storage

SIGN_IN_RIGHTS = frozenset({"inbox", "send_as"})
"""Rights of a key with which operators may sign in."""


def make_authenticator(base: Base, storage: Storage, settings: Supabase) -> SupabaseUsers:
    """The authenticator of a configured project. Where the logs are elsewhere, memberships are read there, and a
    sign-out takes effect when the token expires. Raises SettingsError when `operator_key` names no key, or one that
    cannot be signed in with."""
    if settings.operator_key is not None:
        _check_operator_key(settings.operator_key, base.settings.core.keys)
    clock = base.clock
    store = storage.store
    lookup = database_lookup(store.calls) if isinstance(store, SupabaseStore) else history_lookup(storage.history)
    memberships = Memberships(lookup, clock, ttl=settings.membership_ttl)
    if isinstance(store, SupabaseStore):
        store.membership_events.subscribe(memberships.forget)
    return SupabaseUsers(
        TokenRules(
            issuer=settings.issuer or f"{settings.base}/auth/v1",
            audience=settings.audience,
            leeway=settings.leeway,
            anonymous=settings.anonymous_users,
            operator_claim=None if settings.operator_key is None else settings.operator_claim,
        ),
        Jwks(
            f"{settings.base}/auth/v1/.well-known/jwks.json",
            clock,
            ttl=settings.jwks_ttl,
            cooldown=settings.jwks_cooldown,
            timeout=settings.connect_timeout,
        ),
        memberships,
        clock,
        secret=settings.jwt_secret,
        cache_ttl=settings.jwks_ttl,
        operator_key=settings.operator_key,
    )


def _check_operator_key(name: str, keys: Sequence[Key]) -> None:
    found = next((key for key in keys if key.name == name), None)
    if found is None:
        raise SettingsError(f"supabase.operator_key is {name!r}, and core.keys has no key of this name.")
    if "*" not in found.rights and not SIGN_IN_RIGHTS.issubset(found.rights):
        raise SettingsError(
            f"supabase.operator_key is {name!r}, and that key lacks the rights 'inbox' and 'send_as', which signing in "
            "at the inbox needs."
        )


__all__ = ["SupabaseUsers", "make_authenticator"]
