"""Checks of the database: migrations, rights, triggers, the publication, failed broadcasts, limits."""

from __future__ import annotations

from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import CallFailed
from umbral_chat_realtime_supabase.doctor.check_graph import failed, passed
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.migration_files import newest

SQL_AGAIN = (
    "Paste what `umbral-chat supabase sql` prints into the dashboard's SQL editor once more: it sets tables, triggers, "
    "rights and policies of Umbral Chat as they should be, and leaves every entry alone."
)
_RESTART = (
    "restart the project (dashboard → Project Settings → General), and ask Supabase's support if that changes nothing"
)
_MESSAGES = "realtime.messages"
"""Realtime's table: the role `postgres` of a hosted project owns neither it nor its publication."""

_LISTED = 5
"""Names that one line lists."""

CHANNELS = 100
"""Channels that one connection may have, in every plan (docs/guides/realtime/limits)."""

FREE_PAYLOAD, PAID_PAYLOAD = 256_000, 3_000_000
"""Bytes of a broadcast: of the Free plan, of the others."""

_CONNECTIONS_SHARE = 0.9
"""Share of the connections in use above which the next burst may find none free."""


async def schema(project: Project) -> CheckResult:
    """Whether the migrations are those of this version."""
    migrate = "Run `umbral-chat supabase migrate`."
    async with project.calling() as calls:
        try:
            applied = (await calls.call(rpc_results.DatabaseState, "state")).schema
        except CallFailed as error:
            if error.failure.reason != "schema":
                raise
            return failed("the database lacks Umbral Chat's tables or functions", f"{migrate} {_RELOAD}")
    if applied < newest():
        return failed(f"migrations up to {applied}; this version needs {newest()}", migrate)
    if applied > newest():
        return failed(
            f"migrations up to {applied}; this version knows them up to {newest()}",
            "Upgrade umbral-chat-realtime-supabase.",
        )
    await project.diagnosis()
    return passed(f"migrations up to {applied}")


_RELOAD = "If that was done just now, `notify pgrst, 'reload schema'` makes the API see it."


async def rights(project: Project) -> CheckResult:
    """Whether row level security, rights and policies are as the migrations made them."""
    found = (await project.diagnosis()).openings
    ours = [name for name in found.unguarded if name != _MESSAGES]
    wrong, mends = [], []
    if found.unguarded:
        wrong.append(f"no row level security on {_join_names(found.unguarded)}")
    if found.granted:
        wrong.append(f"rights that must not be granted: {_join_names(found.granted)}")
    if found.missing_policies:
        wrong.append(f"policies are missing: {_join_names(found.missing_policies)}")
    if found.unpinned:
        wrong.append(f"functions whose search_path a caller can shadow: {_join_names(found.unpinned)}")
    if ours or found.granted or found.missing_policies or found.unpinned:
        mends.append(SQL_AGAIN)
    if _MESSAGES in found.unguarded:
        # Realtime makes it, and our migrations may not change it.
        mends.append(_owners("ask Supabase's support", f"alter table {_MESSAGES} enable row level security"))
    if found.foreign_policies:
        wrong.append(f"policies that are not Umbral Chat's: {_join_names(found.foreign_policies)}")
        mends.append("`drop policy NAME on TABLE` for what opens Umbral Chat's tables to others.")
    if wrong:
        return failed("; ".join(wrong), " ".join(mends))
    return passed("row level security everywhere; rights and policies as the migrations made them")


_TRIGGERS = {
    "umbral_chat_broadcast": ("public.umbral_chat_entries", "no entry is broadcast"),
    "umbral_chat_move": ("public.umbral_chat_conversations", "removed members keep receiving"),
}
"""By name: their tables, and what happens without them."""


async def trigger(project: Project) -> CheckResult:
    """Whether stored entries are broadcast, and no longer to removed members."""
    found = (await project.diagnosis()).triggers
    wrong, mends = [], []
    for name, (table, otherwise) in _TRIGGERS.items():
        if found.get(name) is None:
            wrong.append(f"the trigger {name} is missing: {otherwise}")
            mends.append(SQL_AGAIN)
        elif found[name] == "off":
            wrong.append(f"the trigger {name} is disabled: {otherwise}")
            mends.append(f"alter table {table} enable trigger {name};")
    if wrong:
        return failed("; ".join(wrong), " ".join(dict.fromkeys(mends)))
    return passed(f"{' and '.join(_TRIGGERS)} are enabled")


async def publication(project: Project) -> CheckResult:
    """Whether broadcasts are replicated from the database to Realtime."""
    found, name = (await project.diagnosis()).outlet, "supabase_realtime_messages_publication"
    if found.wal_level != "logical":
        return failed(
            f"wal_level is {found.wal_level}: nothing can be replicated",
            _owners(_RESTART, "alter system set wal_level = logical", "and restart PostgreSQL"),
        )
    if not found.publication:
        return failed(
            f"the publication {name} is missing, though a client has joined: Realtime receives nothing from the "
            "database",
            "Realtime makes it when the first client joins, and its logs say why it did not. "
            + _owners(_RESTART, f"create publication {name} for table {_MESSAGES}"),
        )
    if not found.publishes_inserts:
        return failed(
            f"{name} leaves inserts out", _owners(_RESTART, f"alter publication {name} set (publish = 'insert')")
        )
    if not found.covers:
        return failed(
            f"{name} leaves {_MESSAGES} out: Realtime receives nothing from the database",
            _owners(_RESTART, f"alter publication {name} add table {_MESSAGES}"),
        )
    if found.uncovered:
        return failed(
            f"{name} leaves out {_join_names(found.uncovered)}",
            _owners(_RESTART, f"alter publication {name} set table {_MESSAGES}", "once they are partitions of it"),
        )
    return passed(f"{name} covers realtime.messages")


async def broadcasts(project: Project) -> CheckResult:
    """Whether a broadcast ever failed in the database."""
    async with project.calling() as calls:
        counts = (await calls.call(rpc_results.DatabaseState, "state")).broadcasts
    if counts.failed or counts.unerased:
        return failed(
            f"{counts.failed} broadcasts and {counts.unerased} removals of copies failed, ever",
            "The entries are stored all the same. The database's log says why (search it for 'Umbral Chat').",
        )
    return passed(f"none failed; {counts.head_only} were too long and announced by number alone")


async def limits(project: Project) -> CheckResult:
    """Whether the limits that can be read from the database are kept; the detail names those that cannot."""
    found = await project.diagnosis()
    async with project.calling() as calls:
        shards = (await calls.call(rpc_results.DatabaseState, "state")).shards
    wrong, mends = [], []
    if shards + 1 > CHANNELS:
        wrong.append(f"an instance joins {shards + 1} channels, and a connection may have {CHANNELS}")
        mends.append("Lower `shards` in umbral_chat_settings and restart every instance.")
    if found.payload_limit > PAID_PAYLOAD:
        wrong.append(f"broadcasts of up to {found.payload_limit:,} bytes, and no plan takes more than {PAID_PAYLOAD:,}")
        mends.append(f"Lower `payload_limit` in umbral_chat_settings, to 200000 on the Free plan ({FREE_PAYLOAD:,}).")
    if found.connections > _CONNECTIONS_SHARE * found.connections_limit:
        wrong.append(f"{found.connections} of {found.connections_limit} connections of the database are in use")
        mends.append("Use the pooler for what connects directly, or a larger database.")
    if not found.outlet.decoding and found.outlet.slots >= found.outlet.slots_limit:
        wrong.append(f"all {found.outlet.slots_limit} replication slots are taken, and Realtime needs one")
        mends.append("Drop a slot that has no reader: select * from pg_replication_slots where not active.")
    if wrong:
        return failed("; ".join(wrong), " ".join(mends))
    free = "" if found.payload_limit <= FREE_PAYLOAD else f" (more than the Free plan's {FREE_PAYLOAD:,})"
    return passed(
        f"{shards + 1} of {CHANNELS} channels; broadcasts of up to {found.payload_limit:,} bytes{free}; "
        f"{found.connections} of {found.connections_limit} connections of the database. Not visible from here: the "
        "plan, its messages and joins a second, and who else uses them"
    )


def _owners(hosted: str, statement: str, then: str = "") -> str:
    """The mend for what a hosted project's `postgres` may not change: first what works there, then the statement."""
    own = f"On a Supabase of your own, as a superuser: `{statement}`{then and f', {then}'}."
    return f"On a hosted project {hosted}: its `postgres` may not change this. {own}"


def _join_names(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


__all__ = ["SQL_AGAIN", "broadcasts", "limits", "publication", "rights", "schema", "trigger"]
