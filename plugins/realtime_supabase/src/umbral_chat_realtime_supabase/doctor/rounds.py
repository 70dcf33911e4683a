"""Lines that try the whole way: a probe, and then a real entry, from the database through Realtime to a listener."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase import answers
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.doctor.answers import Diagnosis, Nothing
from umbral_chat_realtime_supabase.doctor.ear import Ear, HandshakeRefused, Heard, at_ease, listening
from umbral_chat_realtime_supabase.doctor.findings import failed, skipped, well
from umbral_chat_realtime_supabase.doctor.project import Project, Trial
from umbral_chat_realtime_supabase.doctor.rate import RATE_MEND, used_up
from umbral_chat_realtime_supabase.topics import INSTANCE, service_topic

TRIES, EACH = 5, 2.0
"""Probes, and seconds for each. The first ones may be lost: a channel is joined before replication runs."""

LOOKS, LOOK = 16, 0.5
"""Looks for the publication once a client has joined, and seconds after each: it is there within a second or two."""

PARTITIONS = (
    "Realtime makes partitions when it connects to the database, not at each join, and by a job every four hours: "
    "restart the project (dashboard → Project Settings → General). If they stay away, see Realtime's logs."
)

OFF = "realtime is switched off (`PUT /v1/admin/realtime` switches it on)"

_STATUS = {
    401: "Realtime does not take the key. Is supabase.key of this project?",
    403: "Realtime is suspended or switched off: dashboard → Project Settings → Realtime, and the project's usage.",
    404: "Realtime does not know this project. Is supabase.url right? Dashboard → Project Settings → Realtime.",
    429: "The plan's connections or joins are used up: dashboard → Reports → Realtime. A larger plan has more.",
}
_JOINS = {
    "MissingPartition": PARTITIONS,
    "Unauthorized": "The secret key must pass by every policy: is `service_role` still BYPASSRLS?",
    "RateLimitReached": "The plan's joins or channels are used up: dashboard → Reports → Realtime.",
    "Database": "Realtime gets no connection of the database: its pool is in the dashboard's Realtime settings.",
    "Connection": "Realtime gets no connection of the database: its pool is in the dashboard's Realtime settings.",
    "Project": "Realtime does not reach the database: restart the project, and see status.supabase.com.",
}
_SILENT = (
    "Realtime's replication is what is silent: restart the project (dashboard → Project Settings → General), and see "
    "Realtime's logs. Meanwhile clients poll."
)


_MADE = "Realtime makes the publication when the first client joins"


class Rounds:
    """Both lines. `refused` is the reason of the last join, if Realtime refused it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.joined = False
        self.refused: str | None = None

    async def knock(self) -> str | None:
        """Join, so that Realtime makes its publication, and wait for that; why nobody could join, else None."""
        if not self._project.settings.realtime:
            return f"supabase.realtime is false, and {_MADE}"

        async def wait(_: Ear) -> CheckResult:
            for _look in range(LOOKS):
                if (await self._project.diagnosis()).outlet.publication:
                    break
                await asyncio.sleep(LOOK)
            return well("joined")

        with at_ease(self._project.base):
            found = await self._listen(f"{INSTANCE}doctor-{secrets.token_hex(16)}", wait)
        return None if found.ok else f"{_MADE}, and none could"

    async def probe(self) -> CheckResult:
        """Handshake, join, and a probe that comes round: which part is silent."""
        if not self._project.settings.realtime:
            return skipped("supabase.realtime is false: instances learn of each other by polling")
        with at_ease(self._project.base):
            async with self._project.calling() as calls, self._project.trial(calls) as trial:
                return await self._listen(trial.topic, lambda ear: self._probe(calls, trial, ear))

    async def entry(self) -> CheckResult:
        """An entry, appended as each is, on the topic that the service's instances listen to."""
        with at_ease(self._project.base):
            async with self._project.calling() as calls, self._project.trial(calls) as trial:
                if (await calls.call(Diagnosis, "diagnosis")).triggers.get("umbral_chat_broadcast") != "on":
                    return skipped("cannot be looked at while “supabase trigger” is not well")
                shards = (await calls.call(answers.State, "state")).shards
                topic = service_topic(trial.conversation, shards)
                return await self._listen(topic, lambda ear: self._entry(calls, trial, ear))

    async def _listen(self, topic: str, then: Callable[[Ear], Awaitable[CheckResult]]) -> CheckResult:
        try:
            for again in (True, False):
                async with listening(self._project.base, self._project.key.reveal(), [topic]) as ear:
                    if topic not in ear.refusals:
                        self.joined, self.refused = True, None
                        return await then(ear)
                    self.refused = ear.refusals[topic]
                if not again or "MissingPartition" not in self.refused:
                    break
                # The first join after a quiet time has Realtime connect, which makes them; it does not wait for it.
            return failed(*_join_words(self.refused or ""))
        except HandshakeRefused as error:
            mend = _STATUS.get(error.status or 0, "See status.supabase.com, and Realtime's logs in the dashboard.")
            return failed(f"Realtime refuses the WebSocket: {error}", mend)

    async def _probe(self, calls: Calls, trial: Trial, ear: Ear) -> CheckResult:
        said: dict[str, float] = {}

        def ours(heard: Heard) -> bool:
            return heard.event == "probe" and heard.payload.get("nonce") in said

        for tried in range(TRIES):
            nonce = secrets.token_hex(8)
            said[nonce] = time.perf_counter()
            told = await calls.call(answers.Probed, "probe", topic=trial.topic, nonce=nonce)
            if told.why == "off":
                return skipped(OFF)
            if not told.told:
                return failed(*_untold(told.why))
            if (heard := await ear.until(ours, EACH)) is not None:
                spent = (time.perf_counter() - said[heard.payload["nonce"]]) * 1000
                lost = f"; {tried} before it did not, while replication began" if tried else ""
                return well(f"a probe came round in {spent:.0f} ms{lost}")
        if (rate := await used_up(self._project, trial.topic)) is not None:
            return failed(f"joined, and of {TRIES} probes in {TRIES * EACH:.0f} s none came round: {rate}", RATE_MEND)
        slot = await _slot(calls)
        return failed(f"joined, and of {TRIES} probes in {TRIES * EACH:.0f} s none came round; {slot}", _SILENT)

    async def _entry(self, calls: Calls, trial: Trial, ear: Ear) -> CheckResult:
        before = await calls.call(answers.State, "state")
        if not before.realtime:
            return skipped(OFF)
        begun = time.perf_counter()
        await append(calls, trial, {"title": "umbral-chat doctor"})
        appended = (time.perf_counter() - begun) * 1000

        def ours(heard: Heard) -> bool:
            return heard.event == "entry" and heard.payload.get("conversation") == trial.conversation

        if await ear.until(ours, TRIES * EACH) is not None:
            spent = (time.perf_counter() - begun) * 1000
            return well(f"an entry was stored in {appended:.0f} ms and came round in {spent:.0f} ms")
        after = (await calls.call(answers.State, "state")).broadcasts
        if after.failed > before.broadcasts.failed:
            return failed(
                "an entry was stored, and its broadcast failed in the database",
                "The database's log says why (search it for 'Umbral Chat').",
            )
        if after.unpartitioned > before.broadcasts.unpartitioned:
            return failed(*_untold("partition"))
        if (rate := await used_up(self._project, trial.topic)) is not None:
            return failed(f"a probe came round, and an entry did not: {rate}", RATE_MEND)
        return failed(
            "a probe comes round, and an entry does not",
            "Is another trigger on public.umbral_chat_entries in the way? " + _SILENT,
        )


async def append(calls: Calls, trial: Trial, changes: dict[str, Any]) -> None:
    """An update of the trial's conversation, which makes it: no message, so that nobody answers it."""
    entry = {"kind": "update", "sender": {"role": "system"}, "changes": changes}
    given = msgspec.json.encode(entry).decode()
    await calls.call(Nothing, "update", conversation=trial.conversation, entry=given, author="umbral-chat:doctor")


async def _slot(calls: Calls) -> str:
    outlet = (await calls.call(Diagnosis, "diagnosis")).outlet
    if outlet.decoding:
        return "a replication slot is being read, so Realtime takes broadcasts from the database and does not tell them"
    return f"no replication slot is being read ({outlet.slots} of {outlet.slots_limit} are taken)"


def _join_words(reason: str) -> tuple[str, str]:
    if not reason:
        return "Realtime does not answer a join", "Realtime's logs are in the dashboard; see status.supabase.com."
    mend = next((mend for part, mend in _JOINS.items() if part in reason), "Realtime's logs in the dashboard say more.")
    return f"Realtime refuses the join: {reason}", mend


def _untold(why: str | None) -> tuple[str, str]:
    if why == "partition":
        return (
            "realtime.messages has no partition of today, though a client has joined",
            PARTITIONS,
        )
    return f"the database could not store a broadcast ({why})", "The database's log says why."


__all__ = ["OFF", "PARTITIONS", "Rounds", "append"]
