"""Lines that try to break in: each person who must be kept out tries tables, functions and topics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase import answers
from umbral_chat_realtime_supabase.doctor.attempts import READABLE, Record
from umbral_chat_realtime_supabase.doctor.database import SQL_AGAIN
from umbral_chat_realtime_supabase.doctor.ear import Ear, HandshakeRefused, at_ease, listening
from umbral_chat_realtime_supabase.doctor.findings import failed, skipped, well
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.doctor.rate import RATE_MEND
from umbral_chat_realtime_supabase.doctor.scene import Scene
from umbral_chat_realtime_supabase.doctor.visitors import NoVisitors, visitors
from umbral_chat_realtime_supabase.topics import service_topic

PEOPLE = ("publishable key", "stranger", "member", "removed member", "forged token")
"""Each has a line."""

_FEW = 5
_MEND = "“supabase rights” names what is not as it should be, unless a policy of the project's own opens it."

_UNCLEAR_MEND = "Try again. If it stays: `notify pgrst, 'reload schema'`, and the project's logs."

_FORGED_MEND = (
    "Supabase itself believes no such token. Where the project is one's own, or a proxy stands before it: is every "
    "token's signature verified, and is the JWT secret a secret?"
)


class BreakIn:
    """All the lines, out of one trial."""

    def __init__(self, project: Project, topics: Callable[[], Awaitable[bool]]) -> None:
        """`topics`: whether an entry comes round, without which nothing shows that a forged one does not."""
        self._project, self._topics = project, topics
        self._records: dict[str, Record] = {}
        self._without: str | None = None
        self._heard = False
        self._tried = False

    async def line(self, person: str) -> CheckResult:
        """What this person achieved."""
        if not self._tried:
            self._tried = True
            await self._try()
        record = self._records.get(person)
        if record is None:
            return skipped(self._without or "the trial did not come to an end")
        return verdict(person, record, topics=self._heard)

    async def _try(self) -> None:
        with at_ease(self._project.base):
            async with AsyncExitStack() as stack:
                http = await stack.enter_async_context(self._project.http())
                calls = await stack.enter_async_context(self._project.calling())
                trial = await stack.enter_async_context(self._project.trial(calls))
                try:
                    users = await stack.enter_async_context(visitors(self._project, http, 2))
                except NoVisitors as why:
                    self._without, users = str(why), []
                shards = (await calls.call(answers.State, "state")).shards
                service = service_topic(trial.conversation, shards)
                ear = await self._ear(stack, service)
                self._records |= await Scene(self._project, http, calls, trial, service, ear).play(users)

    async def _ear(self, stack: AsyncExitStack, topic: str) -> Ear | None:
        """The service's, which hears whatever gets through."""
        if not await self._topics():
            return None
        try:
            ear = await stack.enter_async_context(listening(self._project.base, self._project.key.reveal(), [topic]))
        except HandshakeRefused:
            return None
        self._heard = not ear.refusals
        return ear if self._heard else None


def verdict(person: str, record: Record, *, topics: bool) -> CheckResult:
    """The line of a person. `topics`: whether topics were tried."""
    if record.breaches:
        more = f" and {len(record.breaches) - _FEW} more" if len(record.breaches) > _FEW else ""
        mend = _FORGED_MEND if person == "forged token" else f"{_MEND} {SQL_AGAIN}"
        return failed(f"not refused: {', '.join(sorted(record.breaches)[:_FEW])}{more}", mend)
    if record.unclear:
        return failed(
            f"whether it is refused could not be told: {', '.join(sorted(record.unclear)[:_FEW])}",
            _UNCLEAR_MEND if record.rate is None else RATE_MEND,
        )
    if person == "member" and (missing := set(READABLE) - record.read):
        return failed(f"a member does not see its own {', '.join(sorted(missing))}", SQL_AGAIN)
    tried = "topics and broadcasts too" if topics else "topics were not tried, since no entry comes round"
    own = "reads its own; " if person == "member" else ""
    return well(f"{own}{record.refused} attempts refused; {tried}")


__all__ = ["PEOPLE", "BreakIn", "verdict"]
