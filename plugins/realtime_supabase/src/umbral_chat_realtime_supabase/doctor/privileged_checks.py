"""Checks that need the service's key: what is in the database, the way through Realtime, and access control."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase.doctor import connection_checks, database_checks
from umbral_chat_realtime_supabase.doctor.access_checks import ACTORS, AccessChecks
from umbral_chat_realtime_supabase.doctor.check_graph import CheckGraph, DependentCheck, failed, passed, skipped
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.doctor.roundtrip_checks import PARTITIONS, RoundtripChecks

SCHEMA, PUBLICATION, REALTIME, ENTRY = "supabase schema", "supabase publication", "supabase realtime", "supabase entry"


def privileged_checks(project: Project, graph: CheckGraph, reached: str, publishable: str) -> list[DependentCheck]:
    """The checks that follow `reached` and `publishable`, which are checks of `graph`."""
    roundtrip = RoundtripChecks(project)
    access = AccessChecks(project, partial(graph.has_passed, ENTRY))

    def check(name: str, look: Callable[[Project], Awaitable[CheckResult]], *needs: str) -> DependentCheck:
        return DependentCheck(f"supabase {name}", partial(look, project), needs)

    async def publication(project: Project) -> CheckResult:
        state = (await project.diagnosis()).outlet
        if state.wal_level == "logical" and not state.publication:
            why = await roundtrip.provoke_publication()
            if why is not None:
                return skipped(why)
        return await database_checks.publication(project)

    async def partitions(project: Project) -> CheckResult:
        missing = (await project.diagnosis()).outlet.missing_days
        if not missing:
            return passed("today's and tomorrow's exist")
        if not roundtrip.joined and "MissingPartition" not in (roundtrip.refused or ""):
            return skipped("Realtime makes them when it connects to the database for a first client, and none joined")
        return failed(
            f"realtime.messages has no partition for {', '.join(missing)}, though Realtime is connected",
            PARTITIONS,
        )

    async def traces(project: Project) -> CheckResult:
        if not project.left_behind:
            spent = project.clock.monotonic() - project.began
            return passed(f"what was made for the checks is deleted; the project was examined in {spent:.0f} s")
        return failed(
            f"not deleted: {', '.join(project.left_behind)}",
            "Delete users in the dashboard (Authentication → Users), and conversations by `umbral-chat delete`. "
            "Realtime forgets broadcasts after three days.",
        )

    actors = [
        DependentCheck(f"supabase break-in, {actor}", partial(access.check, actor), (SCHEMA, publishable), 120.0)
        for actor in ACTORS
    ]
    return [
        check("key", connection_checks.secret_key, reached),
        check("schema", database_checks.schema, "supabase key"),
        check("rights", database_checks.rights, SCHEMA),
        check("trigger", database_checks.trigger, SCHEMA),
        DependentCheck(PUBLICATION, partial(publication, project), (SCHEMA,), 60.0),
        check("broadcasts", database_checks.broadcasts, SCHEMA),
        check("limits", database_checks.limits, SCHEMA),
        DependentCheck(REALTIME, roundtrip.probe, (SCHEMA,), 60.0, unless=(PUBLICATION,)),
        DependentCheck("supabase partitions", partial(partitions, project), (SCHEMA,), unless=(PUBLICATION,)),
        DependentCheck(ENTRY, roundtrip.entry, (REALTIME,), 60.0),
        *actors,
        check("traces", traces, SCHEMA),
    ]


__all__ = ["privileged_checks"]
