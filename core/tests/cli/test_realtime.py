"""`realtime`: what it asks of the service, and how a person reads the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.tests.cli.conftest import FakeService, Run

PATH = "/v1/admin/realtime"
SWITCHED = {"by": "key:n8n\x1b[2J", "at": "2026-11-22T09:00:00.5Z"}


@pytest.mark.parametrize(("action", "enabled"), [("on", True), ("off", False)])
def test_it_is_switched_and_said_by_whom_and_when(
    run: Run, service: FakeService, action: str, *, enabled: bool
) -> None:
    service.canned["PUT", PATH] = (200, {"enabled": enabled, **SWITCHED})
    said = run("realtime", action, service=service)
    assert said.exit_code == 0
    assert said.stdout == f"✓ Realtime is {action}, switched by key:n8n\\u001b[2J at 2026-11-22 09:00:00.\n"
    assert [request[:2] for request in service.requests] == [("PUT", PATH)]
    assert service.bodies == [{"enabled": enabled}]


@pytest.mark.parametrize(
    ("toggle", "said"),
    [
        ({"enabled": True}, "on, as it was at the start: it was never switched"),
        ({"enabled": False, "locked": True}, "off in the settings (realtime.enabled = false)"),
        ({"enabled": True, **SWITCHED}, "on, switched by key:n8n\\u001b[2J at 2026-11-22 09:00:00"),
    ],
)
@pytest.mark.parametrize("action", [(), ("status",)])
def test_status_only_looks(
    run: Run, service: FakeService, toggle: dict[str, Any], said: str, action: tuple[str, ...]
) -> None:
    service.canned["GET", PATH] = (200, toggle)
    assert run("realtime", *action, service=service).stdout == f"Realtime is {said}.\n"
    assert json.loads(run("realtime", *action, "--json", service=service).stdout) == toggle
    assert {request[0] for request in service.requests} == {"GET"}


@pytest.mark.parametrize(
    ("status", "code", "mend"),
    [
        (409, "realtime_disabled", "realtime.enabled = false"),
        (403, "forbidden", "core.keys"),
        (401, "unauthorized", "--key"),
    ],
)
def test_a_refusal_says_what_mends_it(run: Run, service: FakeService, status: int, code: str, mend: str) -> None:
    service.canned["PUT", PATH] = (status, {"title": "No", "status": status, "code": code, "detail": "The why."})
    result = run("realtime", "off", service=service)
    assert result.exit_code == 1
    for part in (code, "The why.", mend):
        assert part in result.stderr


def test_what_is_no_action_is_wrong_usage(run: Run) -> None:
    result = run("realtime", "maybe")
    assert result.exit_code == 2
    assert "'maybe'" in result.stderr
