"""The shared store beside the logs: each call is one function of the database, and times are the database's."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

import msgspec
from umbral_chat.providers.store import (
    SIGNAL_LIMIT,
    Lease,
    RecentSignals,
    Record,
    StoredSignal,
    check_names,
    check_size,
)

from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.membership_events import MembershipEvents


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    value: str
    version: int

    @property
    def record(self) -> Record:
        return Record(b64decode(self.value), self.version)


class _Found(msgspec.Struct, frozen=True):
    record: _Stored | None


class _Keyed(msgspec.Struct, frozen=True, array_like=True):
    key: str
    value: str
    version: int


class _Scanned(msgspec.Struct, frozen=True):
    records: list[_Keyed]


class _Version(msgspec.Struct, frozen=True):
    version: int


class _Swapped(msgspec.Struct, frozen=True):
    version: int | None


class _Removed(msgspec.Struct, frozen=True):
    removed: bool


class _Token(msgspec.Struct, frozen=True):
    token: int | None


class _Renewed(msgspec.Struct, frozen=True):
    renewed: bool


class _Nothing(msgspec.Struct, frozen=True):
    pass


class _Position(msgspec.Struct, frozen=True):
    position: int


class _Signal(msgspec.Struct, frozen=True, array_like=True):
    position: int
    topic: str
    payload: str


class _Signals(msgspec.Struct, frozen=True):
    position: int
    complete: bool
    signals: list[_Signal]


class SupabaseStore:
    """`SharedStore` in Supabase's Postgres."""

    def __init__(self, calls: Calls, membership_events: MembershipEvents | None = None) -> None:
        self.calls = calls
        self.membership_events = membership_events or MembershipEvents()

    async def get(self, namespace: str, key: str) -> Record | None:
        check_names(namespace, key)
        found = await self.calls.call(_Found, "record_get", namespace=namespace, key=key)
        return None if found.record is None else found.record.record

    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        check_names(namespace, prefix)
        found = await self.calls.call(_Scanned, "record_scan", namespace=namespace, prefix=prefix, limit=limit)
        return {each.key: Record(b64decode(each.value), each.version) for each in found.records}

    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        check_names(namespace, key)
        check_size("value", value)
        # Executed twice it has the same effect as once, except for a version in between.
        result = await self.calls.call(
            _Version, "record_put", namespace=namespace, key=key, value=_text(value), ttl=ttl
        )
        return Record(value, result.version)

    async def compare_and_set(
        self,
        namespace: str,
        key: str,
        value: bytes,
        *,
        expect: int,
        ttl: float | None = None,
        fence: Lease | None = None,
    ) -> Record | None:
        check_names(namespace, key)
        check_size("value", value)
        result = await self.calls.call(
            _Swapped,
            "record_swap",
            safe=False,
            namespace=namespace,
            key=key,
            value=_text(value),
            expect=expect,
            ttl=ttl,
            fence_name=None if fence is None else fence.name,
            fence_token=None if fence is None else fence.token,
        )
        return None if result.version is None else Record(value, result.version)

    async def delete(self, namespace: str, key: str) -> bool:
        check_names(namespace, key)
        return (await self.calls.call(_Removed, "record_delete", safe=False, namespace=namespace, key=key)).removed

    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        check_names(name, holder)
        # Acquired again by its holder, a lease is renewed.
        token = (await self.calls.call(_Token, "lease_acquire", name=name, holder=holder, ttl=ttl)).token
        return None if token is None else Lease(name, holder, token)

    async def renew(self, lease: Lease, ttl: float) -> bool:
        result = await self.calls.call(
            _Renewed, "lease_renew", name=lease.name, holder=lease.holder, token=lease.token, ttl=ttl
        )
        return result.renewed

    async def release(self, lease: Lease) -> None:
        await self.calls.call(_Nothing, "lease_release", name=lease.name, holder=lease.holder, token=lease.token)

    async def post(self, topic: str, payload: bytes) -> int:
        check_names(topic)
        check_size("payload", payload, SIGNAL_LIMIT)
        result = await self.calls.call(_Position, "signal_post", safe=False, topic=topic, payload=_text(payload))
        return result.position

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        chosen = None if topics is None else msgspec.json.encode(list(topics)).decode()
        result = await self.calls.call(_Signals, "signals_since", after=max(-1, after), topics=chosen)
        found = [StoredSignal(each.position, each.topic, b64decode(each.payload)) for each in result.signals]
        return RecentSignals(result.position, found, result.complete)


def _text(value: bytes) -> str:
    return b64encode(value).decode("ascii")


__all__ = ["SupabaseStore"]
