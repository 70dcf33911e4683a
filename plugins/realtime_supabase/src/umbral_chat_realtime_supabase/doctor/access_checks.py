"""Checks of access control: each actor that must be kept out tries tables, functions and topics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.doctor.access_trial import AccessTrial
from umbral_chat_realtime_supabase.doctor.actors import UsersUnavailable, temporary_users
from umbral_chat_realtime_supabase.doctor.attempts import READABLE, AccessRecord
from umbral_chat_realtime_supabase.doctor.check_graph import failed, passed, skipped
from umbral_chat_realtime_supabase.doctor.database_checks import SQL_AGAIN
from umbral_chat_realtime_supabase.doctor.listener import (
    HandshakeRefused,
    Listener,
    client_defaults_suspended,
    open_listener,
)
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.doctor.rate_limit import RATE_MEND
from umbral_chat_realtime_supabase.topics import service_topic

ACTORS = ("publishable key", "stranger", "member", "removed member", "forged token")
"""Each has a check."""

_LISTED = 5
"""Attempts that one line names."""

_MEND = "“supabase rights” names what is not as it should be, unless a policy of the project's own opens it."

_UNCLEAR_MEND = "Try again. If it stays: `notify pgrst, 'reload schema'`, and the project's logs."

_FORGED_MEND = (
    "Supabase itself accepts no such token. Where the project is self-hosted or behind a proxy: is every token's "
    "signature verified, and is the JWT secret kept secret?"
)


class AccessChecks:
    """The checks of all actors, reported from one trial that the first of them runs."""

    def __init__(self, project: Project, topics: Callable[[], Awaitable[bool]]) -> None:
        """`topics`: whether an entry arrives, without which nothing shows that a forged one does not."""
        self._project, self._topics = project, topics
        self._records: dict[str, AccessRecord] = {}
        self._no_users: str | None = None
        self._topics_tried = False
        self._started = False

    async def check(self, actor: str) -> CheckResult:
        """The result of one actor's attempts."""
        if not self._started:
            self._started = True
            await self._run()
        record = self._records.get(actor)
        if record is None:
            return skipped(self._no_users or "the trial did not finish")
        return verdict(actor, record, topics=self._topics_tried)

    async def _run(self) -> None:
        with client_defaults_suspended(self._project.base):
            async with AsyncExitStack() as stack:
                http = await stack.enter_async_context(self._project.http())
                calls = await stack.enter_async_context(self._project.calling())
                scratch = await stack.enter_async_context(self._project.scratch(calls))
                try:
                    users = await stack.enter_async_context(temporary_users(self._project, http, 2))
                except UsersUnavailable as why:
                    self._no_users, users = str(why), []
                shards = (await calls.call(rpc_results.DatabaseState, "state")).shards
                service = service_topic(scratch.conversation, shards)
                listener = await self._service_listener(stack, service)
                trial = AccessTrial(self._project, http, calls, scratch, service, listener)
                self._records |= await trial.run(users)

    async def _service_listener(self, stack: AsyncExitStack, topic: str) -> Listener | None:
        """A listener with the service's key, which receives whatever gets through; None: topics cannot be tried."""
        if not await self._topics():
            return None
        try:
            listener = await stack.enter_async_context(
                open_listener(self._project.base, self._project.key.reveal(), [topic])
            )
        except HandshakeRefused:
            return None
        self._topics_tried = not listener.refusals
        return listener if self._topics_tried else None


def verdict(actor: str, record: AccessRecord, *, topics: bool) -> CheckResult:
    """The result for an actor. `topics`: whether topics were tried."""
    if record.breaches:
        more = f" and {len(record.breaches) - _LISTED} more" if len(record.breaches) > _LISTED else ""
        mend = _FORGED_MEND if actor == "forged token" else f"{_MEND} {SQL_AGAIN}"
        return failed(f"not refused: {', '.join(sorted(record.breaches)[:_LISTED])}{more}", mend)
    if record.unclear:
        return failed(
            f"whether it is refused is unclear: {', '.join(sorted(record.unclear)[:_LISTED])}",
            _UNCLEAR_MEND if record.rate is None else RATE_MEND,
        )
    if actor == "member" and (missing := set(READABLE) - record.read):
        return failed(f"a member does not see its own {', '.join(sorted(missing))}", SQL_AGAIN)
    tried = "topics and broadcasts too" if topics else "topics were not tried, since no entry arrives"
    own = "reads its own; " if actor == "member" else ""
    return passed(f"{own}{record.refused} attempts refused; {tried}")


__all__ = ["ACTORS", "AccessChecks", "verdict"]
