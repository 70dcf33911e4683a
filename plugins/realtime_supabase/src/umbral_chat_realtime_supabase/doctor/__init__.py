"""What `umbral-chat doctor` looks at in a Supabase project, cheap and fundamental things first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from umbral_chat.clock import Clock
from umbral_chat.providers.edges import Check, CheckResult
from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.doctor import clocks, entrance
from umbral_chat_realtime_supabase.doctor.findings import Findings, Line
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.settings import Supabase

REACHED, PUBLISHABLE = "supabase", "supabase publishable key"


def checks(settings: Supabase, clock: Clock, telemetry: Telemetry, *, logs: bool = True) -> list[Check]:
    """The lines. `logs`: the project holds the conversations; else, and without a key, only what users need is looked
    at."""
    project, findings = Project(settings, clock, telemetry), Findings()

    def line(name: str, look: Callable[[Project], Awaitable[CheckResult]], *needs: str) -> Line:
        return Line(name, partial(look, project), needs)

    findings.add(
        [
            line(REACHED, entrance.reached),
            line(PUBLISHABLE, entrance.publishable_key, REACHED),
            line("supabase users' keys", entrance.public_keys, REACHED),
            line("supabase clock", clocks.clocks, REACHED),
        ]
    )
    if settings.key is not None and logs:
        # A service that only knows the project's users need not load Realtime's client.
        from umbral_chat_realtime_supabase.doctor.inside import inside

        findings.add(inside(project, findings, REACHED, PUBLISHABLE))
    return findings.checks()


__all__ = ["checks"]
