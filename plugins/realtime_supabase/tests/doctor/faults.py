"""Faults that tests inject, and how each is undone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from aiohttp import web
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Secret
from umbral_chat_realtime_supabase.migration_files import migrations

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

Given = dict[str, Any]
"""Arguments of `examine` under this fault: settings, or a clock."""

Break = Callable[[Stack], AbstractAsyncContextManager[Given]]


@dataclass(frozen=True)
class Fault:
    """One fault: the checks that must fail, those that must be skipped, and parts of the first one's texts."""

    name: str
    breaking: Break
    failing: tuple[str, ...]
    detail: str
    mend: str
    skipped: frozenset[str] = field(default_factory=frozenset)
    access: bool = True
    """Whether the access checks run too: they take seconds, and are left out where the fault cannot affect them."""


def statements(broken: str, back: str) -> Break:
    """A fault made and undone by SQL, as the superuser."""

    @asynccontextmanager
    async def breaking(stack: Stack) -> AsyncIterator[Given]:
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            connection.execute(broken.encode())
            try:
                yield {}
            finally:
                connection.execute(back.encode())

    return breaking


def commanded(what: str, body: Given, after: str, back: Given | None = None) -> Break:
    """A fault made and undone by commands to the stand-in."""

    @asynccontextmanager
    async def breaking(stack: Stack) -> AsyncIterator[Given]:
        await command(stack, what, **body)
        try:
            yield {}
        finally:
            await command(stack, after, **(back or {}))

    return breaking


def configured(**given: Any) -> Break:
    """A fault in the settings; a text `$name` is replaced by that attribute of the stack."""

    @asynccontextmanager
    async def breaking(stack: Stack) -> AsyncIterator[Given]:
        yield {name: _filled(name, value, stack) for name, value in given.items()}

    return breaking


def _filled(name: str, value: Any, stack: Stack) -> Any:
    found = getattr(stack, value.removeprefix("$")) if isinstance(value, str) and value.startswith("$") else value
    return Secret(found) if name == "key" else found


@asynccontextmanager
async def another_server(_: Stack) -> AsyncIterator[Given]:
    """The URL is that of a web server that is not Supabase."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<h1>Welcome</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield {"url": runner.addresses and f"http://127.0.0.1:{runner.addresses[0][1]}"}
    finally:
        await runner.cleanup()


@asynccontextmanager
async def replication_down(stack: Stack) -> AsyncIterator[Given]:
    """Joins are answered, and stored broadcasts are not delivered."""
    await command(stack, "realtime/replication", on=True)
    await command(stack, "realtime/replication", on=False)
    try:
        yield {}
    finally:
        await command(stack, "realtime/replication", on=True)


def partition_gone(after: int) -> Break:
    """The partition of the day `after` today is missing while Realtime, which makes partitions when it starts, runs."""

    @asynccontextmanager
    async def breaking(stack: Stack) -> AsyncIterator[Given]:
        await command(stack, "realtime/replication", on=True)
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            row = connection.execute("select to_char(current_date + %s, 'YYYY_MM_DD')", (after,)).fetchone()
            assert row is not None
            connection.execute(f"drop table realtime.messages_{row[0]}".encode())
            try:
                yield {}
            finally:
                connection.execute("select realtime.stand_in_partitions()")

    return breaking


class Behind(SystemClock):
    """A machine whose clock is about a minute late."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=65.5)


TOPICS = frozenset({"realtime", "partitions", "entry"})
ACCESS_CHECKS = frozenset(
    f"break-in, {who}" for who in ("publishable key", "stranger", "member", "removed member", "forged token")
)
IN_DATABASE = frozenset({"rights", "trigger", "publication", "broadcasts", "limits", "traces"}) | TOPICS | ACCESS_CHECKS
EVERYTHING = frozenset({"publishable key", "users' keys", "clock", "key", "schema"}) | IN_DATABASE

POLICIES = "".join(each.text for each in migrations() if each.version >= "20261123000006")
"""Puts every policy back, and what later files make of the functions beside them."""

STRANGERS = ("break-in, stranger", "break-in, removed member")

FAULTS = [
    Fault(
        "unreachable",
        configured(url="http://127.0.0.1:9"),
        ("supabase",),
        "cannot be reached",
        "supabase.url",
        EVERYTHING,
    ),
    Fault("another server", another_server, ("supabase",), "not as a Supabase project", "supabase.url", EVERYTHING),
    Fault(
        "wrong secret key",
        configured(key="sb_secret_nobody_has_this_one"),
        ("key",),
        "refuses the key",
        "Set supabase.key",
        IN_DATABASE | {"schema"},
    ),
    Fault(
        "legacy anon key as the secret one",
        configured(key="$anon_key"),
        ("key",),
        "of the role 'anon'",
        "sb_secret_",
        IN_DATABASE | {"schema"},
    ),
    Fault(
        "wrong publishable key",
        configured(publishable_key="sb_publishable_nobody_has_it"),
        ("publishable key",),
        "the project refuses it",
        "Set supabase.publishable_key",
        ACCESS_CHECKS,
    ),
    Fault(
        "secret key as the publishable one",
        configured(publishable_key="$service_role_key"),
        ("publishable key",),
        "every right",
        "sb_publishable_",
        ACCESS_CHECKS,
    ),
    Fault(
        "older schema",
        statements(
            "create table public.kept as select * from public.umbral_chat_migrations order by version desc limit 1; "
            "delete from public.umbral_chat_migrations where version in (select version from public.kept)",
            "insert into public.umbral_chat_migrations select * from public.kept; drop table public.kept",
        ),
        ("schema",),
        "this version needs",
        "umbral-chat supabase migrate",
        IN_DATABASE,
    ),
    Fault(
        "newer schema",
        statements(
            "insert into public.umbral_chat_migrations (version, name) values ('29990101000000', 'later')",
            "delete from public.umbral_chat_migrations where version = '29990101000000'",
        ),
        ("schema",),
        "this version knows them up to",
        "Upgrade",
        IN_DATABASE,
    ),
    Fault(
        "functions missing",
        statements(
            "alter function public.umbral_chat_state rename to away; notify pgrst, 'reload schema'",
            "alter function public.away rename to umbral_chat_state; notify pgrst, 'reload schema'",
        ),
        ("schema",),
        "lacks Umbral Chat's tables or functions",
        "umbral-chat supabase migrate",
        IN_DATABASE,
    ),
    Fault(
        "trigger disabled",
        statements(
            "alter table public.umbral_chat_entries disable trigger umbral_chat_broadcast",
            "alter table public.umbral_chat_entries enable trigger umbral_chat_broadcast",
        ),
        ("trigger",),
        "is disabled",
        "enable trigger umbral_chat_broadcast",
        frozenset({"entry"}),
    ),
    Fault(
        "a removed member keeps receiving",
        statements(
            "alter table public.umbral_chat_conversations disable trigger umbral_chat_move",
            "alter table public.umbral_chat_conversations enable trigger umbral_chat_move",
        ),
        ("trigger", "break-in, removed member"),
        "umbral_chat_move is disabled: removed members keep receiving",
        "enable trigger umbral_chat_move",
    ),
    Fault(
        "publication without messages",
        statements(
            "alter publication supabase_realtime_messages_publication drop table realtime.messages",
            "alter publication supabase_realtime_messages_publication add table realtime.messages",
        ),
        ("publication",),
        "leaves realtime.messages out",
        "add table realtime.messages",
        TOPICS,
    ),
    Fault(
        "handshake refused",
        commanded("realtime/faults", {"refuse_status": 429}, "realtime/reset"),
        ("realtime",),
        "refuses the WebSocket: HTTP 429",
        "larger plan",
        frozenset({"entry"}),
    ),
    Fault(
        "join refused",
        commanded("realtime/faults", {"refuse_join": "DatabaseLackOfConnections: none is free"}, "realtime/reset"),
        ("realtime",),
        "refuses the join: DatabaseLackOfConnections",
        "pool",
        frozenset({"entry"}),
    ),
    Fault(
        "replication stopped",
        replication_down,
        ("realtime",),
        "joined, and of 5 probes in 10 s none arrived; no replication slot is being read",
        "replication delivers nothing",
        frozenset({"entry"}),
    ),
    Fault(
        "messages a second used up",
        commanded("realtime/limits", {"events_per_second": 0}, "realtime/reset"),
        ("realtime",),
        "none arrived: the plan's messages a second are used up (0 a second)",
        "a larger plan",
        frozenset({"entry"}),
    ),
    Fault(
        "broadcasts failed",
        statements(
            "select nextval('public.umbral_chat_broadcasts_failed')",
            "select setval('public.umbral_chat_broadcasts_failed', 0, false)",
        ),
        ("broadcasts",),
        "1 broadcasts and 0 removals",
        "log",
        access=False,
    ),
    Fault(
        "a function with an empty search path",
        statements(
            "alter function public.umbral_chat_append set search_path = ''",
            "alter function public.umbral_chat_append set search_path = pg_catalog, pg_temp",
        ),
        ("rights",),
        "whose search_path a caller can shadow: umbral_chat_append",
        "supabase sql",
        access=False,
    ),
    Fault(
        "entries opened to every user",
        statements(
            "create policy broad on public.umbral_chat_entries for select to authenticated using (true)",
            "drop policy broad on public.umbral_chat_entries",
        ),
        ("rights", *STRANGERS),
        "broad on public.umbral_chat_entries",
        "drop policy",
    ),
    Fault(
        "topics opened to every user",
        statements(
            "alter policy umbral_chat_topics_are_read_by_members on realtime.messages rename to away1; "
            "alter policy umbral_chat_topics_are_written_by_the_service on realtime.messages rename to away2; "
            "alter policy away1 on realtime.messages using (true); "
            "alter policy away2 on realtime.messages with check (true); "
            "create policy broad on realtime.messages for all to authenticated using (true) with check (true)",
            "drop policy broad on realtime.messages; drop policy away1 on realtime.messages; "
            "drop policy away2 on realtime.messages; " + POLICIES,
        ),
        ("rights", *STRANGERS, "break-in, member"),
        "policies are missing: umbral_chat_topics_are_read_by_members",
        "SQL editor",
    ),
    Fault(
        "a function opened to everybody",
        statements(
            "grant execute on function public.umbral_chat_read to anon",
            "revoke execute on function public.umbral_chat_read from anon",
        ),
        ("rights", "break-in, publishable key"),
        "function umbral_chat_read for anon",
        "SQL editor",
    ),
    Fault(
        "a table opened to everybody",
        statements(
            "grant select on public.umbral_chat_members to anon; "
            "create policy broad on public.umbral_chat_members for select to anon using (true)",
            "revoke select on public.umbral_chat_members from anon; drop policy broad on public.umbral_chat_members",
        ),
        ("rights", "break-in, publishable key"),
        "table umbral_chat_members: select for anon",
        "drop policy",
    ),
    Fault(
        "members kept out",
        statements("drop policy umbral_chat_members_read on public.umbral_chat_entries", POLICIES),
        ("rights", "break-in, member"),
        "policies are missing: umbral_chat_members_read on public.umbral_chat_entries",
        "SQL editor",
    ),
    Fault(
        "any token is believed",
        commanded("auth/accept_any_token", {"on": True}, "auth/accept_any_token", {"on": False}),
        ("break-in, forged token",),
        "not refused: broadcast a forged entry, call umbral_chat_append",
        "signature verified",
    ),
    Fault(
        "row level security off",
        statements(
            "alter table public.umbral_chat_conversations disable row level security",
            "alter table public.umbral_chat_conversations enable row level security",
        ),
        ("rights", *STRANGERS),
        "no row level security on umbral_chat_conversations",
        "SQL editor",
    ),
    Fault("clock late", configured(clock=Behind()), ("clock",), "+65", "NTP", access=False),
    Fault(
        "public keys garbled",
        commanded("jwks/fault", {"body": "<html>"}, "jwks/fault"),
        ("users' keys",),
        "no JWKS",
        "jwks.json",
        access=False,
    ),
    Fault(
        "no public keys",
        commanded("jwks/fault", {"body": '{"keys": []}'}, "jwks/fault"),
        ("users' keys",),
        "no user can be recognized",
        "supabase.jwt_secret",
        access=False,
    ),
    Fault(
        "tomorrow's partition missing",
        partition_gone(1),
        ("partitions",),
        "tomorrow",
        "restart the project",
        access=False,
    ),
    Fault(
        "today's partition missing",
        partition_gone(0),
        ("partitions", "realtime"),
        "today",
        "restart the project",
        frozenset({"entry"}),
    ),
    Fault(
        "broadcasts larger than any plan takes",
        statements(
            "update public.umbral_chat_settings set value = '5000000' where name = 'payload_limit'",
            "update public.umbral_chat_settings set value = '200000' where name = 'payload_limit'",
        ),
        ("limits",),
        "no plan takes more",
        "payload_limit",
        access=False,
    ),
]
