"""Whether three clocks agree: this machine's checks tokens, Auth's dates them, and the database's dates entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx
from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase.calls import CallFailed
from umbral_chat_realtime_supabase.doctor.check_graph import failed, passed, skipped
from umbral_chat_realtime_supabase.doctor.diagnosis import Diagnosis
from umbral_chat_realtime_supabase.doctor.project import Project


class Skew(NamedTuple):
    """By how many seconds another clock is ahead, within ± `uncertainty` seconds."""

    name: str
    ahead: float
    uncertainty: float

    @property
    def least(self) -> float:
        """The difference that is certain, in seconds."""
        return max(0.0, abs(self.ahead) - self.uncertainty)

    def __str__(self) -> str:
        return f"{self.name} {self.ahead:+.1f} s (± {self.uncertainty:.1f})"


def skew(name: str, read: datetime, before: datetime, after: datetime, resolution: float = 0.0) -> Skew:
    """The skew of a clock that was read between two readings of ours, and truncates to `resolution` seconds."""
    middle = before + (after - before) / 2
    read += timedelta(seconds=resolution / 2)
    return Skew(name, (read - middle).total_seconds(), ((after - before).total_seconds() + resolution) / 2)


async def clocks(project: Project) -> CheckResult:
    """Whether this machine's clock agrees with Auth's and, where the service has a key, the database's."""
    found = [each for each in (await _auth(project), await _database(project)) if each is not None]
    if not found:
        return skipped("neither Auth nor the database gave a time")
    compared = f"against this machine: {', '.join(str(each) for each in found)}"
    leeway = project.settings.leeway
    if max(each.least for each in found) > leeway:
        return failed(
            f"{compared}; users' tokens may differ by {leeway:g} s (supabase.leeway)",
            "Set this machine's clock by NTP: `timedatectl` says whether it is synchronized.",
        )
    return passed(f"{compared}; {leeway:g} s are allowed (supabase.leeway)")


async def _auth(project: Project) -> Skew | None:
    async with project.http() as http:
        before = project.clock.now()
        try:
            answer = await http.get("/auth/v1/health")
        except httpx.HTTPError:
            return None
        after = project.clock.now()
    read = _date(answer)
    return None if read is None else skew("Auth", read, before, after, resolution=1.0)


async def _database(project: Project) -> Skew | None:
    if project.settings.key is None:
        return None
    try:
        async with project.calling() as calls:
            # The first call opens the connection, whose time would add to the uncertainty.
            await calls.call(Diagnosis, "diagnosis")
            before = project.clock.now()
            read = (await calls.call(Diagnosis, "diagnosis")).now
            return skew("database", read, before, project.clock.now())
    except CallFailed:
        return None


def _date(answer: httpx.Response) -> datetime | None:
    try:
        read = parsedate_to_datetime(answer.headers["Date"])
        # A gateway may have cached the answer.
        return read.astimezone(UTC) + timedelta(seconds=int(answer.headers.get("Age", "0")))
    except (KeyError, ValueError, TypeError):
        return None


__all__ = ["Skew", "clocks", "skew"]
