"""The protocol suite against the client that `umbral-chat tail -f` uses."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from umbral_chat._core.cli.client import Client, Json
from umbral_chat._core.cli.failures import Problem
from umbral_chat._core.cli.follow import Follower, follow
from umbral_chat._core.cli.service import Service

from .scripted_service import Request, ScriptedService, Step, event

SCENARIOS = json.loads((Path(__file__).parent / "scenarios.json").read_text("utf-8"))["scenarios"]
MINE = [one for one in SCENARIOS if "python" in one.get("clients", ["python"])]

PATIENCE = 30.0


class SleptClock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


class Screen:
    """What the client shows. A notice that it starts over clears it."""

    def __init__(self) -> None:
        self.contents: list[str] = []

    def show(self, entries: list[Json]) -> None:
        self.contents += [entry["content"] for entry in entries]

    def notice(self, text: str) -> None:
        if "Starting over" in text:
            self.contents.clear()


class Run:
    """One scenario, as it is played."""

    def __init__(self, service: ScriptedService, clock: SleptClock, screen: Screen, task: asyncio.Task[None]) -> None:
        self.service, self.clock, self.screen, self.task = service, clock, screen, task
        self.stream: Request | None = None
        self.ended = 0.0

    async def step(self, step: Step) -> None:
        match step:
            case {"request": wanted}:
                await self.request(wanted, step)
            case {"events": events}:
                for one in events:
                    self.open.send(event(one))
            case {"lost": True}:
                self.open.lose()
                self.ended = self.clock.time
            case {"end": True}:
                self.open.end()
                self.ended = self.clock.time
            case {"passes": milliseconds}:
                self.clock.time += milliseconds / 1000
            case {"offers": _}:
                pass  # this client does not ask
            case {"shows": contents}:
                await self.until(lambda: self.screen.contents == [str(one) for one in contents])
            case {"over": code}:
                with pytest.raises(Problem) as raised:
                    await asyncio.wait_for(asyncio.shield(self.task), PATIENCE)
                assert raised.value.code == code
                assert self.service.requests.empty()
            case _:
                raise AssertionError(f"unknown step {step}")

    @property
    def open(self) -> Request:
        assert self.stream is not None
        return self.stream

    async def request(self, wanted: str, step: Step) -> None:
        found = await asyncio.wait_for(self.service.requests.get(), PATIENCE)
        assert wanted in {found.route, "any"}, found.route
        if wanted != "any":
            assert found.after == step["after"]
        assert found.credential == step.get("credential", "token-1")
        least, most = step.get("pause", (0, float("inf")))
        assert least <= 1000 * (found.came - self.ended) <= most
        answer = step.get("answer")
        if answer == "lost":
            found.lose()
        else:
            found.answer(answer)
        if answer is None:
            self.stream = found
        else:
            self.ended = self.clock.time

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition() and not self.task.done():  # noqa: ASYNC110 - the screen announces nothing
                await asyncio.sleep(0.005)
        assert condition(), (self.screen.contents, self.task)


@pytest.mark.parametrize("scenario", MINE, ids=[one["name"].replace(" ", "-") for one in MINE])
async def test_protocol(scenario: dict[str, Any]) -> None:
    clock, screen = SleptClock(), Screen()
    async with ScriptedService(clock.monotonic) as service, Client(Service(service.url, "token-1")) as client:
        task = asyncio.create_task(
            follow(client, "room", Follower(), screen.show, live=True, notice=screen.notice, clock=clock)
        )
        run = Run(service, clock, screen, task)
        try:
            for step in scenario["steps"]:
                await run.step(step)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_each_scenario_has_a_name_of_its_own_and_ends_with_what_is_shown() -> None:
    assert len({one["name"] for one in SCENARIOS}) == len(SCENARIOS)
    assert [one["name"] for one in SCENARIOS if one["steps"][-1].keys().isdisjoint({"shows", "over"})] == []
