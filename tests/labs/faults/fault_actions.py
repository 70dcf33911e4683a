"""What is done for each kind of fault, and how it is taken back."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx

from tests.labs.kit.http1 import NoAnswer
from tests.labs.kit.proxy import Proxy
from tests.labs.kit.realtime_faults import Command
from tests.labs.kit.run import RunAborted
from tests.labs.kit.sender import Sender
from tests.labs.kit.service import NotReady

from .kinds import DIRECT, WINDOW
from .outages import Span
from .run import Lab, Struck
from .schedule import Planned
from .serving import clock_of

SOCKET = "/realtime/v1"
"""How the path of a service's connection to Realtime begins."""

BACK = 60.0
"""Seconds in which what was broken must be whole again."""

TOKEN = 3_500.0
"""Seconds by which a clock may be ahead, and users' tokens of an hour still hold."""

AGAIN = 0.3
"""Seconds between two tries to mend."""

LOOKED = 0.7
"""Seconds after which an instance whose link fell has looked at the store."""

FURTHER = 100
"""Numbers of senders from here on are of faults, which send by themselves."""

MANY = 1_000_000
"""Calls that meet a fault of REST: all, until it is taken back."""


class Missed(Exception):
    """The fault could not be done: another one is in its way."""


async def strike(run: Lab, planned: Planned) -> None:
    """Do one fault, at its time. Raises RunAborted when it cannot be taken back."""
    fault = planned.fault
    await asyncio.sleep(max(0.0, run.began + planned.at - time.monotonic()))
    struck = Struck(fault, time.monotonic())
    run.struck.append(struck)
    before = _counted(run, struck)
    broken, outages = _breaks(run, struck)
    try:
        async with broken:
            await asyncio.sleep(fault.duration)
    except (Missed, httpx.HTTPError) as missed:
        struck.missed = repr(missed)
    struck.ended = time.monotonic()
    for spans in outages if not struck.missed else ():
        spans.append(Span(struck.began, struck.ended))
    struck.hits += _counted(run, struck) - before


Breaking = contextlib.AbstractAsyncContextManager[None]
Outages = list[list[Span]]


def _breaks(run: Lab, struck: Struck) -> tuple[Breaking, Outages]:
    """The fault as a block, and whose outages it is."""
    fault, number = struck.fault, struck.fault.instance
    if fault.begin:
        return _realtime(run, struck), []
    if fault.kind in DIRECT:
        assert run.direct_link is not None
        return _link(run.direct_link, fault.kind, ""), []
    if number is None:
        return _toggle(run, struck) if fault.kind == "toggle" else _store(run, struck), (
            [] if fault.kind == "toggle" else run.history
        )
    match fault.kind.partition("_")[0]:
        case "window":
            return _window(run, number), []
        case "clients":
            return _link(run.clients[number], fault.kind, ""), [run.links[number]]
        case "gateway":
            return _link(run.gateways[number], fault.kind, ""), [run.history[number]]
        case "socket":
            return _link(run.gateways[number], fault.kind, SOCKET), []
        case "process":
            return _process(run, number), [run.history[number], run.links[number]]
        case "clock":
            return _clock(run, number, struck), [run.expired[number]] if fault.amount > TOKEN else []
    return _disk(run, number, int(fault.amount)), []


def _counted(run: Lab, struck: Struck) -> int:
    """What grows when a fault of this kind hits a client or a link."""
    fault, number = struck.fault, struck.fault.instance
    kind = fault.kind
    if kind in DIRECT:
        assert run.direct_link is not None
        return run.direct_link.broken if kind.endswith("_cut") else run.direct_link.held
    if number is not None:
        if kind.startswith("clients"):
            proxy = run.clients[number]
        elif kind.startswith(("gateway", "socket", WINDOW)):
            proxy = run.gateways[number]
        elif kind == "process_kill":
            return run.lost[number]
        else:
            return run.unavailable[number] if kind == "disk_full" else 0
        return proxy.held if kind.endswith("_freeze") else proxy.broken
    if kind == "rest_late":
        return sum(trip.seconds >= fault.amount for trip in run.trips)
    if kind.startswith(("rest", "postgres")):
        return run.unavailable.total()
    return 0


@contextlib.asynccontextmanager
async def _link(proxy: Proxy, kind: str, prefix: str) -> AsyncIterator[None]:
    if kind.endswith("freeze"):
        proxy.freeze(prefix)
        yield
        proxy.thaw()
    elif prefix:
        proxy.shut(prefix)
        yield
        proxy.unshut()
    else:
        await proxy.cut()
        yield
        await proxy.listen()


@contextlib.asynccontextmanager
async def _window(run: Lab, number: int) -> AsyncIterator[None]:
    proxy, other = run.gateways[number], 1 - number
    proxy.shut(SOCKET)
    await _not_live(run, number)
    # It looks at the store at once when it falls, and is not to look again: what is said now is left to the fill.
    await asyncio.sleep(LOOKED)
    sender = Sender(run, FURTHER + 2 * len(run.struck) + other, 0)
    try:
        for name in run.plan.names[-run.schedule.apart :]:
            await sender.send_one(name)
    finally:
        sender.close()
    yield
    proxy.unshut()


async def _not_live(run: Lab, number: int) -> None:
    end = time.monotonic() + BACK
    while run.watch.modes[number][-1].mode == "live":
        if time.monotonic() > end:
            raise Missed(f"instance {number} stays live")
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _process(run: Lab, number: int) -> AsyncIterator[None]:
    service = run.services[number]
    await service.kill()
    run.watch.gone(number, time.monotonic())
    yield
    await _mended(lambda: service.start(timeout=20.0), f"instance {number} does not start again")


@contextlib.asynccontextmanager
async def _store(run: Lab, struck: Struck) -> AsyncIterator[None]:
    fault = struck.fault
    meets: dict[str, dict[str, Any]] = {
        "rest_status": {"status": int(fault.amount), "body": "{}"},
        "rest_abort": {"abort": True},
        "rest_unanswered": {"abort": True, "after": True},
        "rest_late": {"delay": fault.amount},
    }
    if fault.kind in meets:
        await _post(run, "rest/fault", {"times": MANY} | meets[fault.kind])
    else:
        await _post(run, "postgres/kill" if fault.kind == "postgres_kill" else "rest/restart")
    yield
    if fault.kind in meets:
        await _mended(lambda: _post(run, "rest/fault"), "the fault of REST did not end")
    elif fault.kind == "postgres_kill":
        await _mended(lambda: _post(run, "postgres/start"), "PostgreSQL did not start again")


@contextlib.asynccontextmanager
async def _realtime(run: Lab, struck: Struck) -> AsyncIterator[None]:
    fault = struck.fault
    before = (await _hits(run)).get(fault.kind, 0)
    try:
        for name, body in fault.begin:
            await _post(run, f"realtime/{name}", body)
    except httpx.HTTPError as error:
        await _commanded(run, fault.end)
        raise Missed(f"{fault.kind}: {error!r}") from error
    yield
    await _commanded(run, fault.end)
    struck.hits += (await _hits(run)).get(fault.kind, 0) - before


async def _commanded(run: Lab, commands: Sequence[Command]) -> None:
    for command in commands:
        await _mended(partial(_post, run, f"realtime/{command[0]}", command[1]), f"{command[0]} did not end")


@contextlib.asynccontextmanager
async def _toggle(run: Lab, struck: Struck) -> AsyncIterator[None]:
    if not await _switch(run, enabled=False):
        raise Missed("no instance could store it")
    yield
    end = time.monotonic() + BACK
    while not await _switch(run, enabled=True):
        if time.monotonic() > end:
            raise RunAborted("realtime could not be switched on again")
        await asyncio.sleep(AGAIN)
    off = [any(struck.began < one.at and one.mode == "off" for one in modes) for modes in run.watch.modes]
    struck.hits += sum(off)


async def _switch(run: Lab, *, enabled: bool) -> bool:
    for number in range(len(run.services)):
        connection = run.direct(number)
        try:
            answer = await connection.ask("PUT", "/v1/admin/realtime", {"enabled": enabled}, timeout=12.0)
        except NoAnswer:
            continue
        finally:
            connection.close()
        if answer.status == 200:
            run.switched.append((time.monotonic(), "on" if enabled else "off"))
            return True
    return False


@contextlib.asynccontextmanager
async def _clock(run: Lab, number: int, struck: Struck) -> AsyncIterator[None]:
    file = clock_of(run.services[number])
    file.write_text(repr(struck.fault.amount))
    yield
    struck.hits += await _tells_other_time(run, number, struck.fault.amount)
    file.write_text("0")


async def _tells_other_time(run: Lab, number: int, amount: float) -> bool:
    """Whether what the instance says of time is off by the jump: a token's end, that it reckons from its own now."""
    connection = run.direct(number)
    body = {"conversation": run.plan.names[0], "subject": "clock", "ttl": 600}
    try:
        answer = await connection.ask("POST", "/v1/tokens", body, timeout=5.0)
        end = datetime.fromisoformat(answer.json()["expires_at"])
    except (NoAnswer, ValueError, KeyError):
        return False
    finally:
        connection.close()
    return abs((end - datetime.now(UTC)).total_seconds() - 600 - amount) < 30


@contextlib.asynccontextmanager
async def _disk(run: Lab, number: int, size: int) -> AsyncIterator[None]:
    service = run.services[number]
    try:
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    except (NotReady, ProcessLookupError) as error:
        raise Missed(f"instance {number} does not run") from error
    yield
    with contextlib.suppress(NotReady, ProcessLookupError):  # killed meanwhile: the next one has no limit
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def _post(run: Lab, name: str, body: dict[str, Any] | None = None) -> None:
    assert run.control is not None
    (await run.control.post(name, json=body)).raise_for_status()


async def _hits(run: Lab) -> dict[str, int]:
    assert run.control is not None
    return dict((await run.control.get("realtime/state")).raise_for_status().json()["hits"])


async def _mended(mend: Callable[[], Awaitable[None]], what: str) -> None:
    end = time.monotonic() + BACK
    while True:
        try:
            return await mend()
        except (httpx.HTTPError, NotReady) as error:
            if time.monotonic() > end:
                raise RunAborted(f"{what}: {error!r}") from error
        await asyncio.sleep(AGAIN)


__all__ = ["strike"]
