"""`status --watch`: every change once, through an outage, and what a terminal is shown."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from umbral_chat._core.cli.client import Client
from umbral_chat._core.cli.failures import Problem
from umbral_chat._core.cli.service import Service
from umbral_chat._core.cli.summary import essence, summary, with_readable_countdowns
from umbral_chat._core.cli.watch import Lines, PollResult, Screen, watch

if TYPE_CHECKING:
    from core.tests.cli.conftest import FakeService, Run


def status(mode: str = "live", *, wait: float | None = None, **more: Any) -> dict[str, Any]:
    state = {"state": "live" if mode == "live" else "down", "reason": "why\x1b[2J", "since": "2026-11-22T09:00:00Z"}
    pushing = {"name": "pushing", "rank": 100, "state": state, "in_use": mode == "live"}
    return {
        "mode": mode,
        "reason": "because",
        "history": "sqlite",
        "history_down_since": None,
        "realtime": {"enabled": True},
        "transports": [pushing if wait is None else pushing | {"next_attempt_in": wait}],
        "counters": {"sends": 1},
        **more,
    }


def watching(service: FakeService, looks: list[Callable[[], None]]) -> list[PollResult]:
    """What is seen when this happens between the looks."""
    seen: list[PollResult] = []
    ahead = iter(looks)

    async def sleep(_: float) -> None:
        try:
            next(ahead)()
        except StopIteration:
            raise asyncio.CancelledError from None

    async def main() -> None:
        async with Client(Service(service.url)) as client, asyncio.timeout(20):
            with pytest.raises(asyncio.CancelledError):
                await watch(client, seen.append, interval=1, sleep=sleep)

    asyncio.run(main())
    return seen


def test_an_outage_is_shown_with_its_beginning_until_the_service_is_back(service: FakeService) -> None:
    service.canned["GET", "/v1/status"] = (200, status())
    seen = watching(service, [service.stop, lambda: None, service.start, lambda: service.faults.append(503)])
    assert [bool(one.away_since) for one in seen] == [False, True, True, False, True]
    assert seen[1].away_since == seen[2].away_since
    assert seen[1].status == seen[0].status, "the last answer stays visible"
    assert "No service answers" in seen[1].reason
    assert "503" in seen[4].reason
    assert seen[4].away_since != seen[1].away_since


def test_a_permanent_error_ends_it(service: FakeService) -> None:
    service.canned["GET", "/v1/status"] = (200, status())

    async def main() -> None:
        async with Client(Service(service.url)) as client:
            await watch(client, lambda _: service.faults.append(403), interval=0.01)

    with pytest.raises(Problem):
        asyncio.run(main())


def test_without_a_service_there_is_no_watching(run: Run) -> None:
    result = run("status", "--watch")
    assert result.exit_code == 3
    assert "umbral-chat serve" in result.stderr


@pytest.mark.parametrize("interval", ["0", "0.05", "61", "soon"])
def test_the_interval_is_bounded(run: Run, interval: str) -> None:
    assert run("status", "--watch", "--interval", interval).exit_code == 2


def test_each_change_is_a_json_line_and_a_counter_is_no_change(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, since = Lines(), datetime(2026, 11, 22, 9, tzinfo=UTC)
    for seen in (
        PollResult(status()),
        PollResult(status(counters={"sends": 2})),
        PollResult(status("polling", wait=5.0)),
        PollResult(status("polling", wait=4.0)),
        PollResult(status("polling"), since, "gone"),
        PollResult(status("polling"), since, "refused"),
        PollResult(status("polling")),
        PollResult(status("polling"), since + timedelta(minutes=1), "gone"),
        PollResult(status()),
    ):
        lines(seen)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("mode", "away") for one in printed] == ["live", "polling", "away", "polling", "away", "live"]
    assert printed[2] == {"away_since": "2026-11-22T09:00:00Z", "reason": "gone"}
    assert printed[0] == status()


def drawn(seen: list[PollResult], *, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=160, color_system=None, highlight=False)
    screen = Screen(console, "http://127.0.0.1:8750")
    with screen.opened():
        for one in seen:
            screen(one)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_terminal_is_drawn_at_every_request_and_a_pipe_at_every_change() -> None:
    seen = [PollResult(status("polling", wait=wait)) for wait in (2.04, 1.0)]
    shown = drawn(seen, terminal=True)
    assert "next attempt in 2.0 s" in shown
    assert "next attempt in 1.0 s" in shown
    piped = drawn(seen, terminal=False)
    assert piped.count("Umbral Chat at") == 1


def test_an_outage_is_drawn_above_the_last_answer(run: Run) -> None:
    since = datetime.now(UTC) - timedelta(seconds=12)
    shown = drawn([PollResult(status(), since, "nothing listens")], terminal=True)
    assert "no answer since" in shown
    found = re.search(r"\((\d+) s\)", shown)
    assert found
    assert 12 <= int(found[1]) <= (datetime.now(UTC) - since).total_seconds() + 0.5
    assert "nothing listens" in shown
    assert "pushing" in shown


def test_the_summary_shows_each_transport_s_state_reason_since_and_next_attempt(run: Run) -> None:
    said = "\n".join(line.plain for line in summary(status("polling", wait=3.21)))
    for part in (
        "polling",
        "because",
        "pushing",
        "down",
        "why\\u001b[2J",
        "2026-11-22 09:00:00",
        "next attempt in 3.2 s",
    ):
        assert part in said
    assert "does not answer since 2026-11-22 10:00:00" in "\n".join(
        line.plain for line in summary(status(history_down_since="2026-11-22T10:00:00Z"))
    )


@pytest.mark.parametrize("strange", [None, [], "x", {}, {"transports": 1, "realtime": 7}, {"transports": [1, {}]}])
def test_a_status_of_another_version_is_shown_as_far_as_it_is_known(strange: Any) -> None:
    assert list(summary(strange))
    essence(strange)
    with_readable_countdowns(strange)


def test_status_shows_the_next_attempt_in_seconds(run: Run, service: FakeService) -> None:
    service.canned["GET", "/v1/status"] = (200, status("polling", wait=3.2123456))
    said = run("status", service=service).stdout
    assert "next_attempt_in=3.2 s" in said
    assert "since=2026-11-22 09:00:00" in said
