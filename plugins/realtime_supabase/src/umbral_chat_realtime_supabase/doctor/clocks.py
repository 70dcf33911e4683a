"""Clocks: tokens are checked by this machine's, written by Auth's, and entries are timed by the database's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx
from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase.calls import CallFailed
from umbral_chat_realtime_supabase.doctor.answers import Diagnosis
from umbral_chat_realtime_supabase.doctor.findings import failed, skipped, well
from umbral_chat_realtime_supabase.doctor.project import Project


class Skew(NamedTuple):
    """By how many seconds another clock is ahead, give or take."""

    name: str
    ahead: float
    doubt: float

    @property
    def least(self) -> float:
        """What it differs by at least."""
        return max(0.0, abs(self.ahead) - self.doubt)

    def __str__(self) -> str:
        return f"{self.name} {self.ahead:+.1f} s (± {self.doubt:.1f})"


def skew(name: str, told: datetime, before: datetime, after: datetime, grain: float = 0.0) -> Skew:
    """Of a time that was told between two of ours, in steps of `grain` seconds, cut off."""
    middle = before + (after - before) / 2
    told += timedelta(seconds=grain / 2)
    return Skew(name, (told - middle).total_seconds(), ((after - before).total_seconds() + grain) / 2)


async def clocks(project: Project) -> CheckResult:
    """Whether this machine's clock goes with Auth's and, where it can be asked, the database's."""
    found = [each for each in (await _auth(project), await _database(project)) if each is not None]
    if not found:
        return skipped("neither Auth nor the database told a time")
    told = f"against this machine: {', '.join(str(each) for each in found)}"
    leeway = project.settings.leeway
    if max(each.least for each in found) > leeway:
        return failed(
            f"{told}; users' tokens may differ by {leeway:g} s (supabase.leeway)",
            "Set this machine's clock by NTP: `timedatectl` says whether it is synchronized.",
        )
    return well(f"{told}; {leeway:g} s are allowed (supabase.leeway)")


async def _auth(project: Project) -> Skew | None:
    async with project.http() as http:
        before = project.clock.now()
        try:
            answer = await http.get("/auth/v1/health")
        except httpx.HTTPError:
            return None
        after = project.clock.now()
    told = _date(answer)
    return None if told is None else skew("Auth", told, before, after, grain=1.0)


async def _database(project: Project) -> Skew | None:
    if project.settings.key is None:
        return None
    try:
        async with project.calling() as calls:
            # The first call makes the connection, whose time would be doubt.
            await calls.call(Diagnosis, "diagnosis")
            before = project.clock.now()
            told = (await calls.call(Diagnosis, "diagnosis")).now
            return skew("database", told, before, project.clock.now())
    except CallFailed:
        return None


def _date(answer: httpx.Response) -> datetime | None:
    try:
        told = parsedate_to_datetime(answer.headers["Date"])
        # A gateway may have kept the answer for a while.
        return told.astimezone(UTC) + timedelta(seconds=int(answer.headers.get("Age", "0")))
    except (KeyError, ValueError, TypeError):
        return None


__all__ = ["Skew", "clocks", "skew"]
