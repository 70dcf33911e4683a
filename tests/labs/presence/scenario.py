"""The scenario of one run: rounds of chaos, and after each a peace in which every observer must come to agree."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from tests.labs.kit.http1 import NoAnswer
from tests.labs.kit.proxy import proxy
from tests.labs.kit.service import Service
from tests.local_supabase.stack.api import Stack

from .account import Account
from .actor import Actor
from .breaking import break_often, command, roomy, switch
from .observations import Observation, ObserverLog
from .observers import poll_for_ever, read
from .page import look_on, page
from .plan import Plan, cast
from .run import SLOW, Agreed, Run, RunAborted
from .verdict import Truth, differences, truth, versions

KEY = "choose-a-long-random-text"
UNCERTAIN = 0.8
"""Share of its time to live after which a device that did not report may be gone, whatever is answered later."""

PEACE = 60.0
"""Seconds in which every person must have had its last answer of the chaos."""

LIVE = 12.0
"""Seconds that the instances get to be live in a peace that shall be live; what is true is to be told in any case."""

STAYS = 1.0
"""Seconds after which all must agree still."""


@contextlib.asynccontextmanager
async def prepared(plan: Plan, server: str, folder: Path, stack: Stack) -> AsyncIterator[Run]:
    """A run whose services are not started yet."""
    async with contextlib.AsyncExitStack() as opened:
        services, gateways = [], []
        for number in range(plan.instances):
            place = folder / f"instance-{number}"
            place.mkdir(exist_ok=True)
            gateway, url = await opened.enter_async_context(proxy(stack.url))
            gateways.append(gateway)
            settings = {
                "SUPABASE__URL": url,
                "SUPABASE__PUBLIC_URL": stack.url,
                "SUPABASE__ISSUER": f"{stack.url}/auth/v1",
                "SUPABASE__KEY": stack.secret_key,
                "SUPABASE__PUBLISHABLE_KEY": stack.publishable_key,
                "REALTIME__RECONCILE_INTERVAL": "2",
                "PRESENCE__TTL": str(plan.ttl),
                "PRESENCE__HOLD_BACK": str(plan.hold_back),
                "CORE__KEYS": json.dumps([{"name": "lab", "key": KEY, "rights": ["*"]}]),
            }
            services.append(Service(server, place, **settings))
        control = await opened.enter_async_context(
            httpx.AsyncClient(base_url=f"{stack.url}/_control/realtime/", timeout=30.0)
        )
        run = Run(plan, services, gateways, control, KEY)
        run.actors = [Actor(run, person, Account(person.id, plan.hold_back, person.invisible)) for person in cast(plan)]
        yield run


async def experiment(run: Run, folder: Path, stack: Stack) -> None:
    """Fill the run; raises RunAborted, NotReady, TimeoutError or httpx.HTTPError when it cannot be finished."""
    try:
        await command(run, ("reset", {}))
        for service in run.services:
            await service.start()
        await roomy(run)
        await switch(run, on=True)
        async with page(run, stack, folder, KEY) as running, asyncio.TaskGroup() as group:
            tasks = [*_observers(run, group), group.create_task(look_on(run, running, _of(run, "page")))]
            tasks += [group.create_task(_watch(run, number)) for number in range(run.plan.instances)]
            tasks += [group.create_task(_ping(run, stack)), group.create_task(_lag(run))]
            people = [group.create_task(actor.live()) for actor in run.actors]
            run.began = time.monotonic()
            for number in range(run.plan.rounds):
                await _round(run, number)
            run.over = True
            run.notify()
            await asyncio.wait(people, timeout=PEACE)
            for task in (*tasks, *people):
                task.cancel()
    finally:
        run.over = True
        with contextlib.suppress(RunAborted):
            await command(run, ("reset", {}))
        for service in run.services:
            await service.stop()


def _observers(run: Run, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    tasks = []
    for name in run.plan.names:
        for number in range(run.plan.instances):
            polls = ObserverLog(f"poll at {number}", name, number)
            run.logs += [polls, ObserverLog(f"list at {number}", name, number)]
            tasks.append(group.create_task(poll_for_ever(run, polls)))
        run.logs.append(ObserverLog("page", name, None))
    return tasks


def _of(run: Run, observer: str) -> dict[str, ObserverLog]:
    return {log.conversation: log for log in run.logs if log.observer == observer}


async def _round(run: Run, number: int) -> None:
    run.round, run.round_began, run.peace, run.slowest = number, time.monotonic(), False, 0.0
    run.notify()
    await break_often(run, number)
    await asyncio.sleep(max(0.0, run.round_began + run.plan.chaos - time.monotonic()))
    healed = time.monotonic()
    # Half of the peaces are live, and half are without realtime. What came and went as often as here is used again
    # after a while only; an operator's word is never held back.
    await switch(run, on=False)
    if number % 2 == 0:
        await switch(run, on=True)
    run.peace = True
    run.notify()
    await _until(lambda: all(actor.at_peace for actor in run.actors), PEACE, "a person had no answer")
    with contextlib.suppress(RunAborted):
        await _until(lambda: set(run.mode_now) == {"live"} or number % 2 == 1, LIVE, "not live")
    await _agree(run, number, healed)


async def _until(condition: object, seconds: float, what: str) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RunAborted(f"{what} within {seconds:.0f} s")
        await asyncio.sleep(0.1)


async def _agree(run: Run, number: int, healed: float) -> None:
    """Wait until everything is due, and then until all observers agree with the truth; what does not is a violation."""
    due = max(healed, *(_due(actor) for actor in run.actors))
    await asyncio.sleep(max(0.0, due - time.monotonic()))
    left = {(log.observer, log.conversation): log for log in run.logs}
    mode = "+".join(sorted(set(run.mode_now)))
    while left:
        looked = time.monotonic()
        for key, (log, view, true) in (await _look(run, list(left.values()))).items():
            if view is not None and not list(differences(log, view, true)):
                # A poll that waits may have told it long before, and what it told is still so.
                at = view.at if log.observer.startswith("list") else looked
                run.agreed.append(Agreed(number, log.observer, max(0.0, at - due), mode))
                del left[key]
        # One time to live is promised; an answer that takes its time on a slow machine takes it from nobody.
        if time.monotonic() > due + run.plan.ttl + 1.0 + 3 * run.slowest:
            break
        await asyncio.sleep(0.3)
    if not left:
        await asyncio.sleep(STAYS)
    told: dict[str, dict[str, Observation]] = {}
    for log, view, true in (await _look(run, run.logs)).values():
        if view is None:
            run.surprise(f"round {number}: {log.observer} in {log.conversation} had no answer")
            continue
        found = list(differences(log, view, true))
        run.violations += found
        if not found and not true.either:
            told.setdefault(log.conversation, {})[log.observer] = view
    for name, some in told.items():
        run.violations += versions(name, some)
    run.settled += 1


def _due(actor: Actor) -> float:
    typing = actor.account.typing_until()
    ends = 0.0 if typing is None or actor.types_on else typing.ended
    return max(ends, actor.account.gone_by(actor.devices.keys()))


Looked = dict[tuple[str, str], tuple[ObserverLog, Observation | None, Truth]]


async def _look(run: Run, observers: list[ObserverLog]) -> Looked:
    """What each knows now, and what is true now."""
    found: Looked = {}
    view: Observation | None
    for log, view in zip(observers, await asyncio.gather(*(_knows(run, each) for each in observers)), strict=True):
        there = [actor for actor in run.actors if actor.person.conversation == log.conversation]
        types_on = frozenset(actor.person.id for actor in there if actor.types_on)
        true = truth([actor.account for actor in there], types_on, time.monotonic(), UNCERTAIN)
        found[log.observer, log.conversation] = (log, view, true)
    return found


async def _knows(run: Run, log: ObserverLog) -> Observation | None:
    if log.observer.startswith("list"):
        return await read(run, log)
    return log.seen[-1] if log.seen else None


async def _watch(run: Run, instance: int) -> None:
    """What mode each instance is in."""
    connection = run.connection(instance)
    try:
        while True:
            began = time.monotonic()
            with contextlib.suppress(NoAnswer, ValueError):
                status = (await connection.ask("GET", "/v1/status", timeout=10.0)).json()
                run.took(began, time.monotonic())
                mode = status["mode"] if status["realtime"]["enabled"] else "off"
                if mode != run.mode_now[instance]:
                    run.changes[instance].append((time.monotonic(), mode))
                run.mode_now[instance] = mode
                run.modes[instance][mode] += 1
            await asyncio.sleep(0.25)
    finally:
        connection.close()


async def _ping(run: Run, stack: Stack) -> None:
    """How long the project takes to answer anything: who waits for it longer than a lapse is not to blame."""
    async with httpx.AsyncClient(base_url=stack.url, headers={"apikey": stack.secret_key}, timeout=10.0) as client:
        while True:
            began = time.monotonic()
            with contextlib.suppress(httpx.HTTPError):
                await client.get("/rest/v1/umbral_chat_settings", params={"limit": 1})
            if (now := time.monotonic()) - began > SLOW:
                run.was_cut(began, now)
            await asyncio.sleep(0.25)


async def _lag(run: Run) -> None:
    """Whether the driver itself is on time."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.05)
        if (now := time.monotonic()) - began > SLOW / 2:
            run.cannot_tell(began, now)


__all__ = ["KEY", "experiment", "prepared"]
