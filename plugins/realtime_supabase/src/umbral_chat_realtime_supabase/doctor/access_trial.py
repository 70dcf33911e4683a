"""The trial of access control: a conversation with a member, and actors who try to get at what is that member's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import httpx
import msgspec

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.doctor.actors import Actor, TemporaryUser, forged_tokens
from umbral_chat_realtime_supabase.doctor.attempts import CONCURRENCY, AccessRecord, try_all
from umbral_chat_realtime_supabase.doctor.listener import (
    HandshakeRefused,
    Listener,
    ReceivedBroadcast,
    open_listener,
)
from umbral_chat_realtime_supabase.doctor.project import Project, Scratch
from umbral_chat_realtime_supabase.doctor.rate_limit import rate_used_up
from umbral_chat_realtime_supabase.doctor.roundtrip_checks import append_update

GRACE = 0.5
"""Seconds of listening after the last stored entry arrived: a forged broadcast takes a shorter way."""

TIMEOUT = 5.0
"""Seconds within which a stored entry must arrive."""

_PLACEHOLDER = "00000000-0000-4000-8000-000000000000"
"""A member that is no user, so that the conversation still has one when the other is removed."""

_REFUSALS = ("Unauthorized", "JWT", "Jwt", "signature", "token")
"""Parts of the reasons by which Realtime refuses a caller, and not a connection."""


class AccessTrial:
    """One run over a conversation of the doctor's own. `service` is the topic of the instances; `listener` has joined
    it, or is None where topics are not tried."""

    def __init__(
        self,
        project: Project,
        http: httpx.AsyncClient,
        calls: Calls,
        scratch: Scratch,
        service: str,
        listener: Listener | None,
    ) -> None:
        self._project, self._http, self._calls, self._scratch = project, http, calls, scratch
        self._service, self._listener = service, listener
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._records: dict[str, AccessRecord] = {}

    async def run(self, users: Sequence[TemporaryUser]) -> dict[str, AccessRecord]:
        """The outcomes by actor. `users`: the member and the stranger, or none."""
        subject, real = (users[0].id, users[1].token) if users else (_PLACEHOLDER, None)
        issuer = self._project.settings.issuer or f"{self._project.base}/auth/v1"
        actors = [Actor("publishable key", None)]
        actors += [Actor("forged token", token) for token in forged_tokens(issuer, subject, real).values()]
        if users:
            actors += [Actor("stranger", users[1].token), Actor("member", users[0].token)]
        topic = await self._set_members(*[user.id for user in users[:1]])
        await asyncio.gather(*(self._try_everything(actor, [topic]) for actor in actors))
        if users:
            topic = await self._remove_member(Actor("removed member", users[0].token), topic)
        await self._count_forged_broadcasts(topic)
        return self._records

    async def _set_members(self, *subjects: str) -> str:
        """Make `subjects` the only members; the new topic of the members, which the service's listener joins too."""
        members = [{"subject": subject} for subject in (*subjects, _PLACEHOLDER)]
        await append_update(self._calls, self._scratch, {"members": members})
        conversations = msgspec.json.encode([self._scratch.conversation]).decode()
        found = await self._calls.call(rpc_results.MemberTopicsResult, "member_topics", conversations=conversations)
        topic = found.topics.get(self._scratch.conversation, "")
        if self._listener is not None:
            await self._listener.join(topic)
        return topic

    async def _remove_member(self, actor: Actor, old: str) -> str:
        """Remove the member while it listens, store an entry, and let it try again. Returns the new topic."""
        record = self._record(actor)
        async with AsyncExitStack() as stack:
            removed = await self._listen_as(stack, actor, old, record)
            new = await self._set_members()
            if self._listener is not None:
                if not await self._entry_arrives(new, "after the removal"):
                    await self._mark_unclear(
                        [record], "receive after the removal: the service did not receive it either"
                    )
                await self._listener.wait_for(lambda _: False, GRACE)
            if removed is not None and any(_title(each) == "after the removal" for each in removed.received):
                record.breaches.append("receive after the removal")
        await self._try_everything(actor, list(dict.fromkeys([old, new])))
        return new

    async def _listen_as(
        self, stack: AsyncExitStack, actor: Actor, topic: str, record: AccessRecord
    ) -> Listener | None:
        """A listener with the actor's token, open until the stack ends; None: topics are not tried, or no socket."""
        if self._listener is None:
            return None
        key = self._project.settings.publishable_key or ""
        try:
            listener = await stack.enter_async_context(open_listener(self._project.base, key, [topic], actor.token))
        except HandshakeRefused as error:
            record.unclear.append(f"receive after the removal ({error})")
            return None
        if topic in listener.refusals:
            record.unclear.append(f"receive after the removal ({listener.refusals[topic] or 'no answer'})")
        return listener

    async def _try_everything(self, actor: Actor, topics: Sequence[str]) -> None:
        """All attempts of one actor. `topics`: those that the members have had."""
        record, headers = self._record(actor), self._project.browser_headers(actor.token)
        await try_all(self._http, headers, self._scratch, record, self._slots, own=actor.name == "member")
        if self._listener is not None:
            await self._broadcast_over_http(actor, headers, [*topics, self._service])
            # A socket each: a refused join delays those after it on the same one.
            await asyncio.gather(*(self._try_topic(actor, record, topic) for topic in (*topics, self._service)))

    async def _broadcast_over_http(self, actor: Actor, headers: dict[str, str], topics: Sequence[str]) -> None:
        """Only an arrival counts as a breach: the API answers 202 to every caller."""
        message = {"event": "entry", "payload": self._forged(actor), "private": True}
        body = {"messages": [message | {"topic": topic} for topic in topics]}
        try:
            await self._http.post("/realtime/v1/api/broadcast", headers=headers, json=body)
        except httpx.HTTPError:
            # Then it did not arrive.
            return

    async def _try_topic(self, actor: Actor, record: AccessRecord, topic: str) -> None:
        """Join the topic, and broadcast on it where the join succeeds."""
        key = self._project.settings.publishable_key or ""
        kind = "a service topic" if topic == self._service else "the members' topic"
        allowed = actor.name == "member" and topic != self._service
        try:
            async with open_listener(self._project.base, key, [topic], actor.token) as listener:
                why = listener.refusals.get(topic)
                if why is None:
                    await listener.send(topic, "entry", self._forged(actor))
                    if not allowed:
                        record.breaches.append(f"listen to {kind}")
                    # Realtime must read what was sent before the socket is closed; a refusal is not answered.
                    await listener.wait_for(lambda _: False, GRACE)
                elif not allowed and any(part in why for part in _REFUSALS):
                    record.refused += 1
                else:
                    record.unclear.append(f"listen to {kind} ({why or 'no answer'})")
        except HandshakeRefused as error:
            if error.status in {401, 403}:
                record.refused += 1
            else:
                record.unclear.append(f"listen to {kind} ({error})")

    async def _count_forged_broadcasts(self, topic: str) -> None:
        """Record for each actor whether a broadcast of its own reached the service's listener."""
        if self._listener is None:
            return
        if not await self._entry_arrives(topic, "the end"):
            await self._mark_unclear(
                list(self._records.values()), "broadcasts: the service's own did not arrive either"
            )
        await self._listener.wait_for(lambda _: False, GRACE)
        arrived = {each.payload.get("forged") for each in self._listener.received}
        for name, record in self._records.items():
            if name in arrived:
                record.breaches.append("broadcast a forged entry")
            else:
                record.refused += 1

    async def _mark_unclear(self, records: Sequence[AccessRecord], what: str) -> None:
        """A stored entry did not arrive, so the absence of a forged one shows nothing: record that, with the reason if
        it is the plan's rate."""
        rate = await rate_used_up(self._project, self._scratch.topic)
        for record in records:
            record.unclear.append(what if rate is None else f"{what}: {rate}")
            record.rate = record.rate or rate

    async def _entry_arrives(self, topic: str, title: str) -> bool:
        """Store an entry; whether it arrives on the service's topic and on `topic`."""
        await append_update(self._calls, self._scratch, {"title": title})

        def arrived(on: str) -> Callable[[ReceivedBroadcast], bool]:
            return lambda broadcast: broadcast.topic == on and _title(broadcast) == title

        if self._listener is None:
            return False
        found = [await self._listener.wait_for(arrived(on), TIMEOUT) for on in (self._service, topic)]
        return all(each is not None for each in found)

    def _record(self, actor: Actor) -> AccessRecord:
        return self._records.setdefault(actor.name, AccessRecord())

    def _forged(self, actor: Actor) -> dict[str, object]:
        return {"forged": actor.name, "conversation": self._scratch.conversation, "seq": 1}


def _title(broadcast: ReceivedBroadcast) -> object:
    entry = broadcast.payload.get("entry")
    changes = entry.get("changes") if isinstance(entry, dict) else None
    return changes.get("title") if isinstance(changes, dict) else None


__all__ = ["GRACE", "AccessTrial"]
