"""The other commands that talk to a service: what they show and what they hand over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from umbral_chat._core.cli import cli

if TYPE_CHECKING:
    from core.tests.cli.conftest import FakeService, Run


def test_conversations_are_listed_up_to_the_limit_or_all(run: Run, service: FakeService) -> None:
    for number in range(7):
        service.say(f"c{number}", "x\x1b[2J")
    table = run("conversations", "--limit", "3", service=service)
    assert table.exit_code == 0
    assert [name for name in ("c0", "c2", "c3") if name in table.stdout] == ["c0", "c2"]
    assert "user: last of c0" in table.stdout
    everything = run("conversations", "--all", "--json", service=service).stdout.splitlines()
    assert [json.loads(line)["id"] for line in everything] == [f"c{number}" for number in range(7)]


def test_no_conversations_is_said_beside_the_data(run: Run, service: FakeService) -> None:
    result = run("conversations", service=service)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No conversations" in result.stderr
    assert run("conversations", "--json", service=service).stdout == ""


def test_status_asks_for_one_status_only(run: Run, service: FakeService) -> None:
    run("conversations", "--status", "closed", service=service)
    assert service.requests[0][2] == {"status": "closed"}


def test_filters_are_the_requests(run: Run, service: FakeService) -> None:
    run("conversations", "--waiting", "--assignee", "none", "--search", "50% off", service=service)
    assert service.requests[0][2] == {"waiting": "true", "assignee": "none", "q": "50% off"}
    run("conversations", "--not-waiting", "--assignee", "me", service=service)
    assert service.requests[1][2] == {"waiting": "false", "assignee": "me"}


@pytest.mark.parametrize("form", ["json", "markdown", "text", "openai"])
def test_a_transcript_is_handed_over_byte_for_byte(run: Run, service: FakeService, tmp_path: Path, form: str) -> None:
    said = "ü\u2028 \x1b[2J"
    written: dict[str, Any] = {
        "json": {"conversation": "demo", "messages": [said]},
        "openai": [{"role": "user", "content": said}],
    }
    service.canned["GET", "/v1/conversations/demo/transcript"] = (200, written.get(form, said))
    printed = run("transcript", "demo", "--format", form, service=service)
    assert (json.loads(printed.stdout) if form in written else printed.stdout) == written.get(form, said)
    file = tmp_path / "t"
    assert run("transcript", "demo", "--format", form, "-o", str(file), service=service).exit_code == 0
    assert file.read_bytes() == printed.stdout_bytes
    assert {request[2]["format"] for request in service.requests} == {form}


def test_a_file_that_cannot_be_written_is_wrong_usage(run: Run, service: FakeService, tmp_path: Path) -> None:
    service.canned["GET", "/v1/conversations/demo/transcript"] = (200, "a")
    result = run("transcript", "demo", "-o", str(tmp_path / "no" / "t"), service=service)
    assert result.exit_code == 2
    # In a frame whose lines break wherever the path makes them.
    assert "cannot be written" in " ".join(result.stderr.replace("│", " ").split())


def test_a_token_stands_alone_on_standard_output(run: Run, service: FakeService) -> None:
    service.canned["POST", "/v1/tokens"] = (201, {"token": "a.b.c", "expires_at": "2026-11-22T12:00:00Z"})
    result = run("token", "demo", "--subject", "v1", service=service)
    assert result.stdout == "a.b.c\n"
    assert "2026-11-22 12:00:00" in result.stderr
    assert json.loads(run("token", "demo", "--subject", "v1", "--json", service=service).stdout)["token"] == "a.b.c"


@pytest.mark.parametrize(("ttl", "seconds"), [("90", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800)])
def test_a_token_lives_as_long_as_was_said(run: Run, service: FakeService, ttl: str, seconds: int) -> None:
    from umbral_chat._core.cli.token import Duration

    assert Duration().convert(ttl, None, None) == seconds


@pytest.mark.parametrize("ttl", ["soon", "-5", "1w", "1.5h", ""])
def test_a_duration_that_is_none_is_wrong_usage(run: Run, service: FakeService, ttl: str) -> None:
    assert run("token", "demo", "--subject", "v1", "--ttl", ttl, service=service).exit_code == 2


def test_status_is_readable_and_complete(run: Run, service: FakeService) -> None:
    status = {
        "version": "9.8",
        "mode": "polling",
        "transports": [{"rank": 0, "name": "polling", "state": {"state": "live", "reason": "tick\x1b[2J", "x": None}}],
        "since": "2026-11-22T09:00:00.5Z",
        "presence": None,
        "counters": {"sends": 12345},
        "missing": [],
        "new": {"nested": {"deep": True}},
    }
    service.canned["GET", "/v1/status"] = (200, status)
    said = run("status", service=service).stdout
    for part in (
        "9.8",
        "polling  live  rank=0  reason=tick\\u001b[2J\n",
        "2026-11-22 09:00:00",
        "presence  none",
        "12345",
        "deep  true",
        service.url,
    ):
        assert part in said
    assert json.loads(run("status", "--json", service=service).stdout) == status


def test_deleting_asks_first(run: Run, service: FakeService) -> None:
    service.say("demo", "x")
    declined = run("delete", "demo", service=service, input="n\n")
    assert declined.exit_code == 130
    assert "demo" in service.logs
    assert run("delete", "demo", service=service, input="y\n").exit_code == 0
    assert "demo" not in service.logs


def test_yes_is_not_asked(run: Run, service: FakeService) -> None:
    service.say("demo", "x")
    result = run("delete", "demo", "--yes", service=service)
    assert result.exit_code == 0
    assert "?" not in result.output


def test_an_unknown_command_names_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["conversation"], prog_name="umbral-chat")
    assert result.exit_code == 2
    assert "'conversations'" in result.stderr
