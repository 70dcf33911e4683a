"""Lines that need the service's key: what stands in the database, the way through Realtime, and breaking in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase.doctor import database, entrance
from umbral_chat_realtime_supabase.doctor.breakin import PEOPLE, BreakIn
from umbral_chat_realtime_supabase.doctor.findings import Findings, Line, failed, skipped, well
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.doctor.rounds import PARTITIONS, Rounds

SCHEMA, OUTLET, ROUND, ENTRY = "supabase schema", "supabase publication", "supabase realtime", "supabase entry"


def inside(project: Project, findings: Findings, reached: str, publishable: str) -> list[Line]:
    """Those that come after `reached` and `publishable`, which are lines of `findings`."""
    rounds = Rounds(project)
    trial = BreakIn(project, partial(findings.is_well, ENTRY))

    def line(name: str, look: Callable[[Project], Awaitable[CheckResult]], *needs: str) -> Line:
        return Line(f"supabase {name}", partial(look, project), needs)

    async def publication(project: Project) -> CheckResult:
        found = (await project.diagnosis()).outlet
        if found.wal_level == "logical" and not found.publication and (why := await rounds.knock()) is not None:
            return skipped(why)
        return await database.publication(project)

    async def partitions(project: Project) -> CheckResult:
        missing = (await project.diagnosis()).outlet.missing_days
        if not missing:
            return well("today's and tomorrow's are there")
        if not rounds.joined and "MissingPartition" not in (rounds.refused or ""):
            return skipped("Realtime makes them when it connects to the database for a first client, and none joined")
        return failed(
            f"realtime.messages has no partition for {', '.join(missing)}, though Realtime is connected",
            PARTITIONS,
        )

    async def traces(project: Project) -> CheckResult:
        if not project.left_behind:
            spent = project.clock.monotonic() - project.began
            return well(f"what was made for trying is gone; the project was examined in {spent:.0f} s")
        return failed(
            f"not taken away: {', '.join(project.left_behind)}",
            "Delete users in the dashboard (Authentication → Users), and conversations by `umbral-chat delete`. "
            "Realtime forgets broadcasts after three days.",
        )

    people = [
        Line(f"supabase break-in, {person}", partial(trial.line, person), (SCHEMA, publishable), 120.0)
        for person in PEOPLE
    ]
    return [
        line("key", entrance.secret_key, reached),
        line("schema", database.schema, "supabase key"),
        line("rights", database.rights, SCHEMA),
        line("trigger", database.trigger, SCHEMA),
        Line(OUTLET, partial(publication, project), (SCHEMA,), 60.0),
        line("broadcasts", database.broadcasts, SCHEMA),
        line("limits", database.limits, SCHEMA),
        Line(ROUND, rounds.probe, (SCHEMA,), 60.0, unless=(OUTLET,)),
        Line("supabase partitions", partial(partitions, project), (SCHEMA,), unless=(OUTLET,)),
        Line(ENTRY, rounds.entry, (ROUND,), 60.0),
        *people,
        line("traces", traces, SCHEMA),
    ]


__all__ = ["inside"]
