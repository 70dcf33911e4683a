"""One person: does what is planned, reports its devices in time, and keeps the account of what was answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.labs.kit.http1 import Answer, Connection, NoAnswer

from .account import Account, Left, Reported, Typed
from .plan import STATUSES, Act, Person
from .run import Run, RunAborted

AGAIN = 0.2
"""Seconds between two tries of what must be answered."""

GIVE_UP = 60.0
"""Seconds without an answer after which a run is over."""


@dataclass(slots=True)
class Device:
    """One that is here, and reports through one instance for now."""

    instance: int
    status: str
    due: float


@dataclass(slots=True)
class Actor:
    """See above. All it asks is asked one after the other, so that the order of its own words is certain."""

    run: Run
    person: Person
    account: Account
    devices: dict[str, Device] = field(default_factory=dict)
    at_peace: bool = False
    types_on: bool = False
    _names: dict[int, int] = field(default_factory=dict)
    _renew_typing: float = float("inf")
    _stop_typing: float = float("inf")
    _connections: dict[int, Connection] = field(default_factory=dict)

    @property
    def sender(self) -> dict[str, Any]:
        return {"role": self.person.role, "id": self.person.id, "name": self.person.id}

    async def live(self) -> None:
        """All rounds."""
        try:
            while not self.run.over:
                await self._round(self.run.round)
        finally:
            for connection in self._connections.values():
                connection.close()

    async def _round(self, number: int) -> None:
        self.at_peace = self.types_on = False
        acts = list(self.person.acts[number]) if number >= 0 else []
        while self.run.round == number and not self.run.over:
            if not self.run.peace and acts and self.run.round_began + acts[0].at <= time.monotonic():
                await self._do(acts.pop(0))
                continue
            if self.run.peace and not self.at_peace:
                await self._make_peace(number)
            await self._keep_up()
            times = [device.due for device in self.devices.values()] + [self._renew_typing, self._stop_typing]
            if acts and not self.run.peace:
                times.append(self.run.round_began + acts[0].at)
            await self._sleep(min(times, default=float("inf")))

    async def _sleep(self, until: float) -> None:
        woken = self.run.woken
        try:
            async with asyncio.timeout(min(5.0, max(0.0, until - time.monotonic()))):
                await woken.wait()
        except TimeoutError:
            pass

    async def _make_peace(self, number: int) -> None:
        """From here on it only keeps up what it has."""
        self._renew_typing = self._stop_typing = float("inf")
        if self.person.types_on[number] and self.devices and not self.person.invisible:
            await self._type(on=True)
            self.types_on, self._renew_typing = True, time.monotonic() + self.run.plan.typing_ttl / 3
        self.at_peace = True

    async def _keep_up(self) -> None:
        now = time.monotonic()
        for name, device in list(self.devices.items()):
            if device.due <= now:
                await self._report(name, device.instance, device.status)
        if self._stop_typing <= now:
            self._renew_typing = self._stop_typing = float("inf")
            await self._type(on=False)
        if self._renew_typing <= now:
            await self._type(on=True)
            self._renew_typing = time.monotonic() + self.run.plan.typing_ttl / 3

    async def _do(self, act: Act) -> None:
        act = act._replace(instance=act.instance % len(self.run.services))
        name = self._name(act.device)
        device = self.devices.get(name)
        if act.kind == "type":
            await self._begin_to_type(act)
        elif act.kind == "say":
            await self._schedule_notify(act.instance)
        elif device is None:
            await self._report(name, act.instance, STATUSES[int(act.amount * len(STATUSES))])
        elif act.kind in {"leave", "reload", "hop"}:
            # A load balancer that knows no sessions: not every word goes the way of the one before it.
            through = act.instance if act.kind == "leave" and act.amount < 0.3 else device.instance
            await self._leave(name, through)
            if act.kind != "leave":
                await asyncio.sleep(act.amount * (1.0 if act.kind == "reload" else 0.3))
                other = device.instance if act.kind == "reload" else self._other(device.instance)
                await self._report(name, other, device.status)
        elif act.kind in {"crash", "renew_device"}:
            del self.devices[name]
            if act.kind == "renew_device":
                self._names[act.device] = self._names.get(act.device, 0) + 1
                await self._report(self._name(act.device), act.instance, device.status)
        elif act.kind == "move":
            await self._report(name, self._other(device.instance), device.status)
        else:
            await self._report(name, device.instance, STATUSES[int(act.amount * len(STATUSES))])

    def _other(self, instance: int) -> int:
        return (instance + 1) % len(self.run.services)

    def _name(self, device: int) -> str:
        return f"d{device}-{self._names.get(device, 0)}"

    async def _begin_to_type(self, act: Act) -> None:
        if not self.devices:
            return
        await self._type(on=True)
        ttl = self.run.plan.typing_ttl
        if act.amount < 0.7:  # else once, and not a word more
            self._renew_typing = time.monotonic() + ttl / 3
            if act.amount < 0.4:
                self._stop_typing = time.monotonic() + act.amount * 10

    async def _type(self, *, on: bool) -> None:
        instance = next(iter(self.devices.values())).instance if self.devices else 0
        seconds = self.run.plan.typing_ttl
        body = {"typing": on, "sender": self.sender, "seconds": seconds}
        began, answer = await self._ask(instance, "POST", "typing", body)
        if answer["typing"] != on or answer["expires_in"] > seconds:
            self.run.surprise(f"{self.person.id} said that it types for {seconds} s: {on}, and was told {answer}")
        self.account.typed.append(Typed(began, time.monotonic(), seconds if on else 0.0))

    async def _schedule_notify(self, instance: int) -> None:
        """Once: what comes of it is no matter of presence but that it ends the typing."""
        began = time.monotonic()
        connection = self._connected(instance)
        try:
            answer = await connection.ask(
                "POST", self._path("messages"), {"content": "Hi", "sender": self.sender}, timeout=2.0
            )
        except NoAnswer:
            return
        self.run.requests += 1
        if answer.status == 201:
            self.account.typed.append(Typed(began, time.monotonic(), 0.0))
            self._renew_typing = self._stop_typing = float("inf")

    async def _report(self, name: str, instance: int, status: str) -> None:
        ttl = self.run.plan.ttl
        body: dict[str, Any] = {"device": name, "status": status, "sender": self.sender}
        if self.person.invisible:
            body["invisible"] = True
        began, answer = await self._ask(instance, "PUT", "presence", body)
        self.run.reports += 1
        self.account.events.append(Reported(name, began, time.monotonic(), instance, ttl, status))
        self.devices[name] = Device(instance, status, began + answer["renew_in"])

    async def _leave(self, name: str, instance: int) -> None:
        was = self.devices[name].instance
        began, answer = await self._ask(
            instance, "DELETE", f"presence?device={name}&role={self.person.role}&id={self.person.id}"
        )
        self.account.events.append(Left(name, began, time.monotonic(), instance, answer["left"]))
        if not answer["left"] and instance == was and time.monotonic() - began < 1.0:
            before = Account(self.account.id, self.account.hold_back, events=self.account.events[:-1])
            known, certain = before.alive(began, 0.8)
            if name in known and certain:
                self.run.surprise(f"{self.person.id} left with {name}, and was told that it was not here")
        del self.devices[name]
        if not self.devices:
            self._renew_typing = self._stop_typing = float("inf")

    async def _ask(
        self, instance: int, method: str, what: str, body: dict[str, Any] | None = None
    ) -> tuple[float, dict[str, Any]]:
        """Until it is answered: what is unknown would be unknown for ever. Raises RunAborted."""
        began = time.monotonic()
        while True:
            connection = self._connected(instance)
            tried = time.monotonic()
            try:
                answer = await connection.ask(method, self._path(what), body, timeout=5.0)
            except NoAnswer as lost:
                if time.monotonic() > began + GIVE_UP:
                    raise RunAborted(f"no answer to {method} {what}: {lost}") from lost
                self.run.cannot_tell(tried, time.monotonic())
            else:
                self.run.took(tried, time.monotonic())
                if answer.status == 200:
                    return began, dict(answer.json())
                self._refused(method, what, answer, began)
            await asyncio.sleep(AGAIN)

    def _refused(self, method: str, what: str, answer: Answer, began: float) -> None:
        if answer.status != 503:
            self.run.surprise(f"{method} {what}: {answer.status} {answer.body[:300]!r}")
        if time.monotonic() > began + GIVE_UP or answer.status in {400, 401, 403, 404, 405, 422}:
            raise RunAborted(f"{method} {what}: {answer.status} {answer.body[:300]!r}")

    def _path(self, what: str) -> str:
        return f"/v1/conversations/{quote(self.person.conversation)}/{what}"

    def _connected(self, instance: int) -> Connection:
        if instance not in self._connections:
            self._connections[instance] = self.run.connection(instance)
        return self._connections[instance]


__all__ = ["Actor", "Device"]
