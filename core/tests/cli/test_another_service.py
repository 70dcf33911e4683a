"""Another server that answers with JSON is reported as such by every command."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from pytest_httpx import HTTPXMock

if TYPE_CHECKING:
    from core.tests.cli.conftest import Run

ANSWERS: list[Any] = [{"status": "ok"}, {}, [], "hello", None, {"detail": "Not Found"}]

COMMANDS = [
    ("send", "demo", "hello", "--patience", "0"),
    ("tail", "demo"),
    ("tail", "demo", "-f", "--after", "0"),
    ("conversations",),
    ("conversations", "--json"),
    ("transcript", "demo"),
    ("transcript", "demo", "--format", "json"),
    ("transcript", "demo", "--format", "openai"),
    ("export", "demo"),
    ("export", "--all"),
    ("token", "demo", "--subject", "s"),
    ("status",),
    ("status", "--json"),
    ("status", "--watch"),
    ("realtime",),
    ("realtime", "off"),
    ("delete", "demo", "--yes"),
    ("who", "demo"),
    ("who", "demo", "--watch", "--json"),
]


@pytest.mark.httpx_mock(can_send_already_matched_responses=True)
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param(command, answer, id=f"{' '.join(command)}-{answer}")
        for command in COMMANDS
        for answer in ANSWERS
        # An empty list is the transcript of a conversation without messages in this form.
        if not (answer == [] and command[-1] == "openai")
    ],
)
def test_it_is_named_with_its_address_and_what_to_check(
    run: Run, httpx_mock: HTTPXMock, command: tuple[str, ...], answer: Any
) -> None:
    is_problem = isinstance(answer, dict) and "detail" in answer
    httpx_mock.add_response(url=re.compile(".*"), status_code=404 if is_problem else 200, json=answer)
    result = run(*command)
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "✗ This is not an Umbral Chat service: http://127.0.0.1:9" in result.stderr
    assert "check --url" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    "line", [{"conversation": "a", "content": "Hello"}, {"conversation": "a", "kind": "conversation"}]
)
def test_an_import_ends_there_and_stores_nothing(
    run: Run, httpx_mock: HTTPXMock, line: dict[str, str], answer: Any
) -> None:
    is_problem = isinstance(answer, dict) and "detail" in answer
    httpx_mock.add_response(url=re.compile(".*"), status_code=404 if is_problem else 200, json=answer)
    result = run("import", "-", input=json.dumps(line))
    assert result.exit_code == 1, result.output
    assert "✗ This is not an Umbral Chat service: http://127.0.0.1:9" in result.stderr
    assert result.stdout.startswith("0 stored, 0 updated, 0 already there, 0 skipped, 0 failed")


def test_the_doctor_says_so(run: Run, httpx_mock: HTTPXMock, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    httpx_mock.add_response(url="http://127.0.0.1:9/health/ready", json={"status": "up"})
    result = run("doctor")
    assert result.exit_code == 1
    assert "This is not an Umbral Chat service: http://127.0.0.1:9" in result.stdout
