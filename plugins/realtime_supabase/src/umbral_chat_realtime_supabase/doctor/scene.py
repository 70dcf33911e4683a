"""The trial of a break-in: a conversation with a member, whom everybody else wants to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

import httpx
import msgspec

from umbral_chat_realtime_supabase import answers
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.doctor.attempts import Record, try_all
from umbral_chat_realtime_supabase.doctor.ear import Ear, HandshakeRefused, Heard, listening
from umbral_chat_realtime_supabase.doctor.forgery import forged
from umbral_chat_realtime_supabase.doctor.project import Project, Trial
from umbral_chat_realtime_supabase.doctor.rate import used_up
from umbral_chat_realtime_supabase.doctor.rounds import append
from umbral_chat_realtime_supabase.doctor.visitors import Visitor, public

GRACE = 0.5
"""Seconds for which is listened after what was stored last came: a forged broadcast takes a shorter way."""

PATIENCE = 5.0
"""Seconds within which what was stored must come."""

_NOBODY = "00000000-0000-4000-8000-000000000000"
"""A member who never comes, so that somebody stays when the other one is removed."""

_REFUSALS = ("Unauthorized", "JWT", "Jwt", "signature", "token")
"""Parts of the reasons by which Realtime refuses a person, and not a connection."""


class Guest(NamedTuple):
    """Who tries: the line it belongs to, and its token."""

    line: str
    token: str | None


class Scene:
    """Everything is in place. `service` is the topic of the instances; `ear` is theirs, if topics are tried."""

    def __init__(
        self, project: Project, http: httpx.AsyncClient, calls: Calls, trial: Trial, service: str, ear: Ear | None
    ) -> None:
        self._project, self._http, self._calls, self._trial = project, http, calls, trial
        self._service, self._ear = service, ear
        self._found: dict[str, Record] = {}

    async def play(self, users: Sequence[Visitor]) -> dict[str, Record]:
        """What came of it, by line. `users`: the member and the stranger, or nobody."""
        subject, real = (users[0].id, users[1].token) if users else (_NOBODY, None)
        issuer = self._project.settings.issuer or f"{self._project.base}/auth/v1"
        guests = [Guest("publishable key", None)]
        guests += [Guest("forged token", token) for token in forged(issuer, subject, real).values()]
        if users:
            guests += [Guest("stranger", users[1].token), Guest("member", users[0].token)]
        topic = await self._members(*[user.id for user in users[:1]])
        await asyncio.gather(*(self._visit(guest, [topic]) for guest in guests))
        if users:
            topic = await self._remove(Guest("removed member", users[0].token), topic)
        await self._account(topic)
        return self._found

    async def _members(self, *subjects: str) -> str:
        """Who may listen from now on; the topic that they listen to, to which the service listens, too."""
        members = [{"subject": subject} for subject in (*subjects, _NOBODY)]
        await append(self._calls, self._trial, {"members": members})
        asked = msgspec.json.encode([self._trial.conversation]).decode()
        told = await self._calls.call(answers.Topics, "member_topics", conversations=asked)
        topic = told.topics.get(self._trial.conversation, "")
        if self._ear is not None:
            await self._ear.join(topic)
        return topic

    async def _remove(self, guest: Guest, old: str) -> str:
        """Remove the member while it listens, say something, and let it try again."""
        record = self._record(guest)
        async with AsyncExitStack() as stack:
            held = await self._hold(stack, guest, old, record)
            new = await self._members()
            if self._ear is not None:
                if not await self._said(new, "after the removal"):
                    await self._unheard([record], "hear on after the removal: the service did not hear it either")
                await self._ear.until(lambda _: False, GRACE)
            if held is not None and any(_title(heard) == "after the removal" for heard in held.heard):
                record.breaches.append("hear on after the removal")
        await self._visit(guest, list(dict.fromkeys([old, new])))
        return new

    async def _hold(self, stack: AsyncExitStack, guest: Guest, topic: str, record: Record) -> Ear | None:
        """Listen until the stack ends."""
        if self._ear is None:
            return None
        key = self._project.settings.publishable_key or ""
        try:
            ear = await stack.enter_async_context(listening(self._project.base, key, [topic], guest.token))
        except HandshakeRefused as error:
            record.unclear.append(f"hear on after the removal ({error})")
            return None
        if topic in ear.refusals:
            record.unclear.append(f"hear on after the removal ({ear.refusals[topic] or 'no answer'})")
        return ear

    async def _visit(self, guest: Guest, topics: Sequence[str]) -> None:
        """All attempts of one guest. `topics`: those of the members that there were."""
        record, headers = self._record(guest), public(self._project, guest.token)
        await try_all(self._http, headers, self._trial, record, own=guest.line == "member")
        if self._ear is not None:
            await self._post(guest, headers, [*topics, self._service])
            # A socket each: a join that is refused holds up those after it on the same one.
            await asyncio.gather(*(self._join(guest, record, topic) for topic in (*topics, self._service)))

    async def _post(self, guest: Guest, headers: dict[str, str], topics: Sequence[str]) -> None:
        """Broadcast over HTTP. Whatever is answered, what counts is whether it arrives: 202 is said to everybody."""
        said = {"event": "entry", "payload": self._forged(guest), "private": True}
        body = {"messages": [said | {"topic": topic} for topic in topics]}
        try:
            await self._http.post("/realtime/v1/api/broadcast", headers=headers, json=body)
        except httpx.HTTPError:
            # Then it did not arrive.
            return

    async def _join(self, guest: Guest, record: Record, topic: str) -> None:
        """Listen, and broadcast where that is possible."""
        key = self._project.settings.publishable_key or ""
        kind = "a service topic" if topic == self._service else "the members' topic"
        may = guest.line == "member" and topic != self._service
        try:
            async with listening(self._project.base, key, [topic], guest.token) as ear:
                why = ear.refusals.get(topic)
                if why is None:
                    await ear.send(topic, "entry", self._forged(guest))
                    if not may:
                        record.breaches.append(f"listen to {kind}")
                    # What was sent is on its way before the socket is closed, and a refusal has no answer.
                    await ear.until(lambda _: False, GRACE)
                elif not may and any(part in why for part in _REFUSALS):
                    record.refused += 1
                else:
                    record.unclear.append(f"listen to {kind} ({why or 'no answer'})")
        except HandshakeRefused as error:
            if error.status in {401, 403}:
                record.refused += 1
            else:
                record.unclear.append(f"listen to {kind} ({error})")

    async def _account(self, topic: str) -> None:
        """What came of the broadcasts."""
        if self._ear is None:
            return
        if not await self._said(topic, "the end"):
            await self._unheard(list(self._found.values()), "broadcasts: the service's own did not come either")
        await self._ear.until(lambda _: False, GRACE)
        arrived = {heard.payload.get("forged") for heard in self._ear.heard}
        for line, record in self._found.items():
            if line in arrived:
                record.breaches.append("broadcast a forged entry")
            else:
                record.refused += 1

    async def _unheard(self, records: Sequence[Record], what: str) -> None:
        """Nothing was heard of what must come, so nothing is known of what must not: note why, too."""
        rate = await used_up(self._project, self._trial.topic)
        for record in records:
            record.unclear.append(what if rate is None else f"{what}: {rate}")
            record.rate = record.rate or rate

    async def _said(self, topic: str, title: str) -> bool:
        """Store an entry, and hear it on both topics."""
        await append(self._calls, self._trial, {"title": title})

        def came(on: str) -> Callable[[Heard], bool]:
            return lambda heard: heard.topic == on and _title(heard) == title

        if self._ear is None:
            return False
        heard = [await self._ear.until(came(on), PATIENCE) for on in (self._service, topic)]
        return all(each is not None for each in heard)

    def _record(self, guest: Guest) -> Record:
        return self._found.setdefault(guest.line, Record())

    def _forged(self, guest: Guest) -> dict[str, object]:
        return {"forged": guest.line, "conversation": self._trial.conversation, "seq": 1}


def _title(heard: Heard) -> object:
    entry = heard.payload.get("entry")
    changes = entry.get("changes") if isinstance(entry, dict) else None
    return changes.get("title") if isinstance(changes, dict) else None


__all__ = ["GRACE", "Scene"]
