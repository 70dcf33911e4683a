"""The checks of `umbral-chat doctor` for a Supabase project, cheap and fundamental ones first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from umbral_chat.clock import Clock
from umbral_chat.providers.edges import Check, CheckResult
from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.doctor import clock_check, connection_checks
from umbral_chat_realtime_supabase.doctor.check_graph import CheckGraph, DependentCheck
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.settings import Supabase

REACHED, PUBLISHABLE = "supabase", "supabase publishable key"


def checks(settings: Supabase, clock: Clock, telemetry: Telemetry, *, logs: bool = True) -> list[Check]:
    """All checks. `logs`: the project holds the conversations; without them, or without a key, only what users need is
    checked."""
    project, graph = Project(settings, clock, telemetry), CheckGraph()

    def check(name: str, look: Callable[[Project], Awaitable[CheckResult]], *needs: str) -> DependentCheck:
        return DependentCheck(name, partial(look, project), needs)

    graph.add(
        [
            check(REACHED, connection_checks.reached),
            check(PUBLISHABLE, connection_checks.publishable_key, REACHED),
            check("supabase users' keys", connection_checks.public_keys, REACHED),
            check("supabase clock", clock_check.clocks, REACHED),
        ]
    )
    if settings.key is not None and logs:
        # A service that only authenticates the project's users need not load Realtime's client.
        from umbral_chat_realtime_supabase.doctor.privileged_checks import privileged_checks

        graph.add(privileged_checks(project, graph, REACHED, PUBLISHABLE))
    return graph.checks()


__all__ = ["checks"]
