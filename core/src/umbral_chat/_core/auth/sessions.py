"""Sessions of operators: begun with a service key, so that a page never holds the key, and kept in the shared store.

A user whom an authenticator names an operator (`Principal.operator_key`) begins one with its token, and acts with the
rights of the key that the authenticator names.

A session ends 12 hours after its last request, after 7 days at the latest (a user's after 12 hours), when it is ended,
and with its key. It is read from the store at most once in `check_interval` by each instance: so much later the others
notice its end.
"""

from __future__ import annotations

import logging
import secrets
from base64 import b32encode
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NamedTuple, cast

import msgspec

from umbral_chat._core.auth.keys import KnownKey
from umbral_chat._core.auth.limits import TokenBuckets
from umbral_chat._core.auth.session_credentials import SigningKey, has_form
from umbral_chat._core.runtime.lru import Lru
from umbral_chat.clock import Clock
from umbral_chat.errors import Forbidden, TooManyRequests, Unauthorized
from umbral_chat.model.validation import check_display_name
from umbral_chat.providers.auth import Principal, Right
from umbral_chat.providers.store import SharedStore

log = logging.getLogger(__name__)

NAMESPACE: Final = "core.sessions"

IDLE = 12 * 3600.0
"""Seconds without a request after which a session ends: a working day, with its breaks."""

LONGEST = 7 * 86_400.0
"""Seconds after which a key's session ends in any case."""

LONGEST_OF_USER = IDLE
"""The same of a user's: its identity provider is not asked again whether the user is still an operator."""

RENEW_AFTER = 300.0
"""Seconds of a session's idle time that pass before it is prolonged: one write in so long, and not one a request."""

MOST = 256
"""Sessions of one key. Counted before one is begun, so that a few more may begin at the same moment."""

MOST_OF_USER = 8
"""Sessions of one user, one in each browser. A further one ends the oldest: so no user takes up all those of a key."""

SIGN_INS_PER_SECOND, SIGN_INS_BURST = 0.5, 10
"""Sign-ins of one key at one instance: of a team that comes to work, and of no loop."""

WITHHELD: Final[frozenset[Right]] = frozenset({"admin", "tokens", "metrics"})
"""Rights of a key that its sessions do not have: they are for programs, and what a page may do a script in it may."""

CACHE_SIZE = 4096
"""Sessions that are cached, at some 500 bytes each."""

NAME_IN_SUBJECT = 80
"""Characters of the key's name in a subject, an id of at most 128, which ends with a user's id or a random one."""

ID_IN_SUBJECT = 40
"""Characters of a user's id in it: a longer one, which no uuid is, is there by its digest."""


class OperatorSession(Principal, frozen=True, kw_only=True):
    """An operator who signed in: a caller with the key's rights but those of `WITHHELD`. `expires_at` is its latest
    end."""

    record: str
    """Name of its record in the shared store."""
    idle_until: float
    """Unix time at which it ends without a further request."""


class NewSession(NamedTuple):
    """A session that was begun now, and its credential, which is nowhere else."""

    session: OperatorSession
    credential: str


class _Record(msgspec.Struct, frozen=True):
    subject: str
    name: str
    begun: float
    until: float
    of_user: bool = False

    @property
    def latest(self) -> float:
        """Unix time at which it ends in any case."""
        return self.begun + (LONGEST_OF_USER if self.of_user else LONGEST)


_decoder = msgspec.json.Decoder(_Record)


class Sessions:
    """Begins, recognizes and ends sessions, on one shared store for all instances. `check_interval` in seconds.

    It is the `Authorizer` of its principals: connections that last ask it again and again.
    """

    principal_type = OperatorSession

    def __init__(self, keys: Sequence[KnownKey], store: SharedStore, clock: Clock, *, check_interval: float) -> None:
        self._keys = {signing.tag: signing for signing in map(SigningKey.of, keys)}
        self._store = store
        self._clock = clock
        self._check_interval = check_interval
        self._known: Lru[str, tuple[OperatorSession, float]] = Lru(CACHE_SIZE)
        self._rate = TokenBuckets(
            SIGN_INS_PER_SECOND, SIGN_INS_BURST, clock.monotonic, what="sign-ins with this key", setting=None
        )

    async def begin(self, principal: Principal, name: str) -> NewSession:
        """A new session of an operator with this name, for the caller with a service key, or for the user who is one.

        The name that an identity provider gives its user is used instead of `name`. Raises Forbidden for another
        caller, or one whose key lacks `send_as`, InvalidRequest for the name, and TooManyRequests (`rate_limited`,
        `too_many_sessions`).
        """
        signing = self._signing(principal)
        name = check_display_name(name, field="name")
        self._rate.check(principal.author)
        key = signing.key.principal.subject.removeprefix("key:")
        now = self._now()
        if principal == signing.key.principal:
            record = _Record(_subject(key, _random()), name, now, now + IDLE)
        else:
            # The same at each sign-in, so that what the user took over stays the user's.
            subject = _subject(key, principal.subject)
            record = _Record(subject, principal.name or name, now, now + IDLE, of_user=True)
        await self._make_room(signing, record)
        credential = signing.draw()
        where = signing.record(credential)
        await self._store.put(NAMESPACE, where, msgspec.json.encode(record), ttl=IDLE)
        log.info("%s signed in with the key %r", "A user" if record.of_user else "An operator", key)
        return NewSession(self._remember(where, signing, record), credential)

    async def _make_room(self, signing: SigningKey, record: _Record) -> None:
        known = await self._store.scan(NAMESPACE, prefix=f"{signing.tag}:", limit=MOST)
        if record.of_user:
            read = ((where, _decoder.decode(stored.value)) for where, stored in known.items())
            own = sorted((other.begun, where) for where, other in read if other.subject == record.subject)
            for _, where in own[: max(0, len(own) + 1 - MOST_OF_USER)]:
                del known[where]
                await self._store.delete(NAMESPACE, where)
                self._known.drop(where)
        if len(known) >= MOST:
            raise TooManyRequests(
                f"The key has {MOST} sessions, as many as it may. One ends when its operator signs out, or "
                f"{IDLE / 3600:g} hours after its last request.",
                code="too_many_sessions",
                limit=MOST,
            )

    async def recognize(self, credential: str) -> OperatorSession:
        """Whose session this is. Raises Unauthorized (`session_ended`) and HistoryUnavailable."""
        signing = self._signed_by(credential)
        if signing is None:
            raise ended()
        return await self._find(signing.record(credential))

    async def authorize(self, principal: Principal, conversation: str) -> Principal:  # noqa: ARG002 - it may enter any
        """The session as it is now: see `Authorizer`. Raises what `recognize` raises."""
        found = await self._find(cast("OperatorSession", principal).record)
        # A stream's ticket bound it to a conversation, and it stays so.
        return msgspec.structs.replace(found, conversation=principal.conversation, epoch=principal.epoch)

    async def end(self, session: OperatorSession) -> None:
        """End it, here at once and elsewhere within `check_interval`. A second time nothing happens."""
        await self._store.delete(NAMESPACE, session.record)
        self._known.drop(session.record)

    def _signing(self, principal: Principal) -> SigningKey:
        named = None if principal.operator_key is None else f"key:{principal.operator_key}"
        for signing in self._keys.values():
            key = signing.key.principal
            if principal == key or key.subject == named:
                for right in ("inbox", "send_as"):
                    if right not in key.rights:
                        raise Forbidden(f"Signing in needs a key with the right {right!r}.", extra={"right": right})
                return signing
        raise Forbidden(
            "Signing in needs a service key, or the token of a user who is an operator: send it as "
            "`Authorization: Bearer …`."
        )

    def _signed_by(self, credential: str) -> SigningKey | None:
        if not has_form(credential):
            return None
        found = None
        for signing in self._keys.values():  # all of them, whichever it is
            if signing.is_of(credential):
                found = signing
        return found

    async def _find(self, where: str) -> OperatorSession:
        now = self._clock.monotonic()
        known = self._known.get(where)
        if known is not None and now < known[1]:
            return known[0]
        signing = self._keys.get(where.partition(":")[0])
        stored = None if signing is None else await self._store.get(NAMESPACE, where)
        if signing is None or stored is None:
            self._known.drop(where)
            raise ended()
        record = _decoder.decode(stored.value)
        prolonged = min(self._now() + IDLE, record.latest)
        if prolonged - record.until >= RENEW_AFTER:
            renewed = msgspec.structs.replace(record, until=prolonged)
            # Only if it is still there as it was read: one that was ended meanwhile stays ended.
            written = await self._store.compare_and_set(
                NAMESPACE,
                where,
                msgspec.json.encode(renewed),
                expect=stored.version,
                ttl=max(prolonged - self._now(), 1.0),
            )
            record = record if written is None else renewed
        return self._remember(where, signing, record)

    def _remember(self, where: str, signing: SigningKey, record: _Record) -> OperatorSession:
        session = OperatorSession(
            kind="key",
            subject=record.subject,
            rights=signing.key.principal.rights - WITHHELD,
            role="agent",
            name=record.name,
            expires_at=record.latest,
            record=where,
            idle_until=record.until,
        )
        until = self._clock.monotonic() + min(self._check_interval, max(0.0, record.until - self._now()))
        self._known.put(where, (session, until))
        return session

    def _now(self) -> float:
        return self._clock.now().timestamp()


def ends_at(session: OperatorSession) -> datetime:
    """When it ends without a further request."""
    return datetime.fromtimestamp(session.idle_until, UTC)


def ended() -> Unauthorized:
    """The error for a session that is not there any more, or never was."""
    return Unauthorized(
        "This session has ended: it was signed out, was unused for too long, or its key was removed. Sign in again.",
        code="session_ended",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _subject(key: str, of: str) -> str:
    """The operator's id. One that is too long ends with its digest instead."""
    if len(of) > ID_IN_SUBJECT:
        of = sha256(of.encode()).hexdigest()[:ID_IN_SUBJECT]
    return f"agent:{key[:NAME_IN_SUBJECT]}:{of}"


def _random() -> str:
    return b32encode(secrets.token_bytes(10)).decode().lower()


__all__ = [
    "IDLE",
    "LONGEST",
    "LONGEST_OF_USER",
    "MOST",
    "MOST_OF_USER",
    "WITHHELD",
    "NewSession",
    "OperatorSession",
    "Sessions",
    "ended",
    "ends_at",
]
