"""Checks of the whole way from the database through Realtime to a listener: with a probe, then with a real entry."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.doctor.check_graph import failed, not_checked, passed, skipped
from umbral_chat_realtime_supabase.doctor.diagnosis import Diagnosis, EmptyAnswer
from umbral_chat_realtime_supabase.doctor.listener import (
    HandshakeRefused,
    Listener,
    ReceivedBroadcast,
    client_defaults_suspended,
    open_listener,
)
from umbral_chat_realtime_supabase.doctor.project import Project, Scratch
from umbral_chat_realtime_supabase.doctor.rate_limit import RATE_MEND, rate_used_up
from umbral_chat_realtime_supabase.topics import INSTANCE, service_topic

PROBES, PROBE_TIMEOUT = 5, 2.0
"""Probes, and seconds to wait for each. The first ones may be lost: a channel is joined before replication runs."""

POLLS, POLL_INTERVAL = 16, 0.5
"""How often the publication is looked for once a client has joined, and seconds in between: Realtime makes it within a
second or two."""

PARTITIONS = (
    "Realtime makes partitions when it connects to the database, not at each join, and by a job every four hours: "
    "restart the project (dashboard → Project Settings → General). If they stay away, see Realtime's logs."
)

OFF = "realtime is switched off (`PUT /v1/admin/realtime` switches it on)"

_STATUS_MENDS = {
    401: "Realtime refuses the key. Is supabase.key of this project?",
    403: "Realtime is suspended or switched off: dashboard → Project Settings → Realtime, and the project's usage.",
    404: "Realtime does not know this project. Is supabase.url right? Dashboard → Project Settings → Realtime.",
    429: "The plan's connections or joins are used up: dashboard → Reports → Realtime. A larger plan has more.",
}
_JOIN_MENDS = {
    "MissingPartition": PARTITIONS,
    "Unauthorized": "The secret key must bypass every policy: is `service_role` still BYPASSRLS?",
    "RateLimitReached": "The plan's joins or channels are used up: dashboard → Reports → Realtime.",
    "Database": "Realtime gets no connection of the database: its pool is in the dashboard's Realtime settings.",
    "Connection": "Realtime gets no connection of the database: its pool is in the dashboard's Realtime settings.",
    "Project": "Realtime does not reach the database: restart the project, and see status.supabase.com.",
}
_REPLICATION_MEND = (
    "Realtime's replication delivers nothing: restart the project (dashboard → Project Settings → General), and see "
    "Realtime's logs. Meanwhile clients poll."
)

_PUBLICATION_MADE = "Realtime makes the publication when the first client joins"


class RoundtripChecks:
    """Both checks. `refused` is the reason of the last join, if Realtime refused it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.joined = False
        self.refused: str | None = None

    async def provoke_publication(self) -> str | None:
        """Join, so that Realtime makes its publication, and wait for that. Returns why no join succeeded, else None."""
        if not self._project.settings.realtime:
            return f"supabase.realtime is false, and {_PUBLICATION_MADE}"

        async def wait(_: Listener) -> CheckResult:
            for _poll in range(POLLS):
                if (await self._project.diagnosis()).outlet.publication:
                    break
                await asyncio.sleep(POLL_INTERVAL)
            return passed("joined")

        with client_defaults_suspended(self._project.base):
            found = await self._with_listener(f"{INSTANCE}doctor-{secrets.token_hex(16)}", wait)
        return None if found.ok else f"{_PUBLICATION_MADE}, and no join succeeded"

    async def probe(self) -> CheckResult:
        """Handshake, join, and a probe that must arrive: says which of them fails."""
        if not self._project.settings.realtime:
            return skipped("supabase.realtime is false: instances learn of each other by polling")
        with client_defaults_suspended(self._project.base):
            async with self._project.calling() as calls, self._project.scratch(calls) as scratch:
                return await self._with_listener(scratch.topic, lambda listener: self._probe(calls, scratch, listener))

    async def entry(self) -> CheckResult:
        """An entry, appended like any other, must arrive on the topic that the service's instances join."""
        with client_defaults_suspended(self._project.base):
            async with self._project.calling() as calls, self._project.scratch(calls) as scratch:
                if (await calls.call(Diagnosis, "diagnosis")).triggers.get("umbral_chat_broadcast") != "on":
                    return skipped(not_checked("supabase trigger"))
                shards = (await calls.call(rpc_results.DatabaseState, "state")).shards
                topic = service_topic(scratch.conversation, shards)
                return await self._with_listener(topic, lambda listener: self._entry(calls, scratch, listener))

    async def _with_listener(self, topic: str, then: Callable[[Listener], Awaitable[CheckResult]]) -> CheckResult:
        try:
            for again in (True, False):
                async with open_listener(self._project.base, self._project.key.reveal(), [topic]) as listener:
                    if topic not in listener.refusals:
                        self.joined, self.refused = True, None
                        return await then(listener)
                    self.refused = listener.refusals[topic]
                if not again or "MissingPartition" not in self.refused:
                    break
                # The first join after idle time makes Realtime connect and make the partitions; the join does not wait.
            return failed(*_join_refused(self.refused or ""))
        except HandshakeRefused as error:
            mend = _STATUS_MENDS.get(
                error.status or 0, "See status.supabase.com, and Realtime's logs in the dashboard."
            )
            return failed(f"Realtime refuses the WebSocket: {error}", mend)

    async def _probe(self, calls: Calls, scratch: Scratch, listener: Listener) -> CheckResult:
        sent: dict[str, float] = {}

        def ours(broadcast: ReceivedBroadcast) -> bool:
            return broadcast.event == "probe" and broadcast.payload.get("nonce") in sent

        for lost in range(PROBES):
            nonce = secrets.token_hex(8)
            sent[nonce] = time.perf_counter()
            probed = await calls.call(rpc_results.ProbeResult, "probe", topic=scratch.topic, nonce=nonce)
            if probed.why == "off":
                return skipped(OFF)
            if not probed.told:
                return failed(*_not_broadcast(probed.why))
            if (received := await listener.wait_for(ours, PROBE_TIMEOUT)) is not None:
                spent = (time.perf_counter() - sent[received.payload["nonce"]]) * 1000
                before = f"; {lost} before it did not, while replication started" if lost else ""
                return passed(f"a probe arrived after {spent:.0f} ms{before}")
        if (rate := await rate_used_up(self._project, scratch.topic)) is not None:
            return failed(
                f"joined, and of {PROBES} probes in {PROBES * PROBE_TIMEOUT:.0f} s none arrived: {rate}", RATE_MEND
            )
        slot = await _slot_state(calls)
        return failed(
            f"joined, and of {PROBES} probes in {PROBES * PROBE_TIMEOUT:.0f} s none arrived; {slot}", _REPLICATION_MEND
        )

    async def _entry(self, calls: Calls, scratch: Scratch, listener: Listener) -> CheckResult:
        before = await calls.call(rpc_results.DatabaseState, "state")
        if not before.realtime:
            return skipped(OFF)
        begun = time.perf_counter()
        await append_update(calls, scratch, {"title": "umbral-chat doctor"})
        appended = (time.perf_counter() - begun) * 1000

        def ours(broadcast: ReceivedBroadcast) -> bool:
            return broadcast.event == "entry" and broadcast.payload.get("conversation") == scratch.conversation

        if await listener.wait_for(ours, PROBES * PROBE_TIMEOUT) is not None:
            spent = (time.perf_counter() - begun) * 1000
            return passed(f"an entry was stored in {appended:.0f} ms and arrived after {spent:.0f} ms")
        after = (await calls.call(rpc_results.DatabaseState, "state")).broadcasts
        if after.failed > before.broadcasts.failed:
            return failed(
                "an entry was stored, and its broadcast failed in the database",
                "The database's log says why (search it for 'Umbral Chat').",
            )
        if after.unpartitioned > before.broadcasts.unpartitioned:
            return failed(*_not_broadcast("partition"))
        if (rate := await rate_used_up(self._project, scratch.topic)) is not None:
            return failed(f"a probe arrived, and an entry did not: {rate}", RATE_MEND)
        return failed(
            "a probe arrives, and an entry does not",
            "Is another trigger on public.umbral_chat_entries in the way? " + _REPLICATION_MEND,
        )


async def append_update(calls: Calls, scratch: Scratch, changes: dict[str, Any]) -> None:
    """Append an update to the doctor's conversation, which makes it. No message, so that no consumer answers it."""
    entry = {"kind": "update", "sender": {"role": "system"}, "changes": changes}
    given = msgspec.json.encode(entry).decode()
    await calls.call(EmptyAnswer, "update", conversation=scratch.conversation, entry=given, author="umbral-chat:doctor")


async def _slot_state(calls: Calls) -> str:
    outlet = (await calls.call(Diagnosis, "diagnosis")).outlet
    if outlet.decoding:
        return "a replication slot is being read: Realtime takes broadcasts from the database and does not deliver them"
    return f"no replication slot is being read ({outlet.slots} of {outlet.slots_limit} are taken)"


def _join_refused(reason: str) -> tuple[str, str]:
    if not reason:
        return "Realtime does not answer a join", "Realtime's logs are in the dashboard; see status.supabase.com."
    mend = next(
        (mend for part, mend in _JOIN_MENDS.items() if part in reason), "Realtime's logs in the dashboard say more."
    )
    return f"Realtime refuses the join: {reason}", mend


def _not_broadcast(why: str | None) -> tuple[str, str]:
    if why == "partition":
        return (
            "realtime.messages has no partition of today, though a client has joined",
            PARTITIONS,
        )
    return f"the database could not store a broadcast ({why})", "The database's log says why."


__all__ = ["OFF", "PARTITIONS", "RoundtripChecks", "append_update"]
