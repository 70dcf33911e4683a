"""The subscriptions in the shared store, where every instance finds them.

A subscription's record is stored under its name. What ended leaves a mark until everything of it was deleted, by
whichever instance: a crash in between leaves nothing behind.
"""

from __future__ import annotations

import logging
import re
import secrets
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
from umbral_chat.http_kit.outbound import new_webhook_secret
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.store import Lease, Record, SharedStore
from umbral_chat.settings import Secret

from umbral_chat_subscriptions.filters import Filter

log = logging.getLogger(__name__)

NAMESPACE, CLAIMED = "subscriptions", "subscriptions.claimed"

ENDED = "/ended/"
"""Prefix of the marks of ended subscriptions. No name has a slash."""

SCAN_LIMIT = 1_000
"""Most records that a store is asked for at once. `subscriptions.most` leaves room for those that ended."""

TOMBSTONE_TTL = 3_600.0
"""Seconds for which a name that ended is kept free of what a slow instance may still write under it."""

TURN_TTL = 10.0
"""Seconds after which the turn of an instance that died passes to another."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
NAME_LIMIT = 64

Kind = Literal["entries", "unread"]
"""What is delivered: entries, or reports of answers that nobody has read."""


class PushEndpoint(msgspec.Struct, frozen=True):
    """Where events are sent, and what they are signed with."""

    url: str
    secret: Secret


class Subscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="subscription"):
    """A subscription as it is stored."""

    id: str
    """Another one for each that is made, also under a name that was used before."""
    name: str
    created_at: datetime
    filter: Filter
    start: Literal["now", "beginning"]
    kind: Kind = "entries"
    after: float | None = None
    """Seconds, with the kind `unread`."""
    imported: bool = False
    push: PushEndpoint | None = None
    paused: bool = False

    @property
    def consumer(self) -> str:
        """The name of its consumer, under which its cursors and dead letters are stored."""
        return f"subscription:{self.name}:{self.id}"


class _Tombstone(msgspec.Struct, frozen=True, tag="ended"):
    id: str


class _Ended(msgspec.Struct, frozen=True):
    consumer: str


class Stored(NamedTuple):
    """A subscription and its record's version."""

    subscription: Subscription
    version: int


class Records:
    """Reads and writes the records. Every method raises HistoryUnavailable."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store
        self._holder = secrets.token_hex(6)

    async def take_turn(self) -> Lease | None:
        """The turn to add one, which one instance has at a time, so that they can be counted; None: another has it."""
        return await self._store.acquire(NAMESPACE, self._holder, TURN_TTL)

    async def end_turn(self, turn: Lease) -> None:
        """Let others have their turn."""
        await self._store.release(turn)

    async def all(self) -> tuple[dict[str, Stored], dict[str, str]]:
        """The subscriptions by name, and the consumers of those that ended and are not cleaned up, by id."""
        found = await self._store.scan(NAMESPACE, limit=SCAN_LIMIT)
        ended = {
            key.removeprefix(ENDED): _ended.decode(record.value).consumer
            for key, record in found.items()
            if key.startswith(ENDED)
        }
        stored: dict[str, Stored] = {}
        for key, record in found.items():
            if key.startswith(ENDED):
                continue
            try:
                one = _stored(record)
            except msgspec.DecodeError as error:
                log.warning("the subscription %s was stored by another version and does not run here: %s", key, error)
                continue
            if one is not None and one.subscription.id not in ended:
                stored[key] = one
        return stored, ended

    async def get(self, name: str) -> Stored | None:
        """One subscription."""
        record = await self._store.get(NAMESPACE, name)
        found = None if record is None else _stored(record)
        if found is None or await self._store.get(NAMESPACE, ENDED + found.subscription.id) is not None:
            return None
        return found

    async def add(self, subscription: Subscription) -> bool:
        """Store a new one; False: there is one of that name by now."""
        record = await self._store.get(NAMESPACE, subscription.name)
        before = None if record is None else _stored(record)
        if before is not None:
            if await self._store.get(NAMESPACE, ENDED + before.subscription.id) is None:
                return False
            await self.bury(before.subscription.id, subscription.name)
            record = await self._store.get(NAMESPACE, subscription.name)
        expect = 0 if record is None else record.version
        return await self._write(subscription, expect) is not None

    async def replace(self, stored: Stored, subscription: Subscription) -> bool:
        """Store it changed; False: it was changed or ended by another call."""
        return await self._write(subscription, stored.version) is not None

    async def end(self, subscription: Subscription) -> None:
        """End it: from now on it is not found, and `cleaned` is to be called once everything of it was deleted."""
        mark = msgspec.json.encode(_Ended(subscription.consumer))
        await self._store.put(NAMESPACE, ENDED + subscription.id, mark)
        await self.bury(subscription.id, subscription.name)

    async def bury(self, ended: str, name: str) -> None:
        """Free the name, unless another subscription has it by now."""
        while True:
            record = await self._store.get(NAMESPACE, name)
            found = None if record is None else _stored(record)
            if record is None or found is None or found.subscription.id != ended:
                return
            grave = _encode(_Tombstone(ended))
            if await self._store.compare_and_set(NAMESPACE, name, grave, expect=record.version, ttl=TOMBSTONE_TTL):
                return

    async def cleaned(self, ended: str) -> None:
        """Everything of the ended one was deleted: forget that there was one."""
        await self._store.delete(CLAIMED, ended)
        await self._store.delete(NAMESPACE, ENDED + ended)

    async def claimed_now(self, subscription: str, expire_after: float) -> None:
        """It is in use: it does not expire before `expire_after` seconds have passed."""
        await self._store.put(CLAIMED, subscription, b"1", ttl=expire_after)

    async def in_use(self) -> frozenset[str]:
        """The ids of those that have not expired."""
        return frozenset(await self._store.scan(CLAIMED, limit=SCAN_LIMIT))

    async def _write(self, subscription: Subscription, expect: int) -> Record | None:
        return await self._store.compare_and_set(NAMESPACE, subscription.name, _encode(subscription), expect=expect)


def new_subscription(
    name: str,
    now: datetime,
    *,
    filter: Filter,  # noqa: A002 - the field's name
    start: Literal["now", "beginning"],
    imported: bool,
    url: str | None,
    kind: Kind = "entries",
    after: float | None = None,
) -> Subscription:
    """A new one, with a secret if events are sent to a URL."""
    return Subscription(
        id=secrets.token_hex(6),
        name=name,
        created_at=now,
        filter=filter,
        start=start,
        kind=kind,
        after=after,
        imported=imported,
        push=None if url is None else PushEndpoint(url, new_webhook_secret()),
    )


def _encode(value: Subscription | _Tombstone) -> bytes:
    return _encoder.encode(value)


def _reveal(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value).__name__)


def _hide(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(kind.__name__)


def _stored(record: Record) -> Stored | None:
    found = decode_bounded(_decoder, record.value)
    return Stored(found, record.version) if isinstance(found, Subscription) else None


_encoder = msgspec.json.Encoder(enc_hook=_reveal)
_decoder: msgspec.json.Decoder[Subscription | _Tombstone] = msgspec.json.Decoder(
    Subscription | _Tombstone, dec_hook=_hide
)
_ended = msgspec.json.Decoder(_Ended)

__all__ = ["NAME", "NAME_LIMIT", "Kind", "PushEndpoint", "Records", "Stored", "Subscription", "new_subscription"]
