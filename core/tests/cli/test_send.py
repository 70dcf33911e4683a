"""`send`: a message is stored once, and a failure says what mends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from core.tests.cli.conftest import FakeService, Run


def test_a_message_is_stored_and_its_number_printed(run: Run, service: FakeService) -> None:
    result = run("send", "demo", "Hello", service=service)
    assert result.exit_code == 0, result.output
    assert service.contents("demo") == ["Hello"]
    assert "entry 1 of demo" in result.stdout


@pytest.mark.parametrize("args", [[], ["-"]])
def test_the_text_comes_from_standard_input_without_the_line_end_of_echo(
    run: Run, service: FakeService, args: list[str]
) -> None:
    result = run("send", "demo", *args, service=service, input="one\ntwo ü\n")
    assert result.exit_code == 0, result.output
    assert service.contents("demo") == ["one\ntwo ü"]


def test_every_option_arrives(run: Run, service: FakeService) -> None:
    options = ["--role", "agent", "--name", "Desk", "--sender-id", "d1", "--client-id", "k1", "--reply-to", "m9"]
    result = run("send", "demo", "Hi", *options, "--metadata", '{"a": [1]}', "--json", service=service)
    assert result.exit_code == 0, result.output
    entry = json.loads(result.stdout)["entry"]
    assert entry["sender"] == {"role": "agent", "name": "Desk", "id": "d1"}
    assert entry["reply_to"] == "m9"
    assert entry["metadata"] == {"a": [1]}
    assert ("demo", "k1") in service.keys


@pytest.mark.parametrize("faults", [["lose"], ["refuse", "lose", 503], [503, 429]])
def test_a_message_whose_answer_was_lost_is_stored_once(
    run: Run, service: FakeService, faults: list[str | int]
) -> None:
    service.faults.extend(faults)
    result = run("send", "demo", "Once", "--patience", "60", service=service)
    assert result.exit_code == 0, result.output
    assert service.contents("demo") == ["Once"]
    assert len(service.requests) == len(faults) + 1
    assert "Trying again" in result.stderr


def test_trying_again_has_an_end(run: Run, service: FakeService) -> None:
    service.faults.extend([503] * 100)
    result = run("send", "demo", "Never", "--patience", "4", service=service)
    assert result.exit_code == 1
    assert "Not now" in result.stderr
    assert 2 <= len(service.requests) <= 20


def test_a_second_message_under_the_same_client_id_is_a_conflict(run: Run, service: FakeService) -> None:
    assert run("send", "demo", "a", "--client-id", "k", service=service).exit_code == 0
    repeated = run("send", "demo", "a", "--client-id", "k", service=service)
    assert "was stored before" in repeated.stdout
    conflict = run("send", "demo", "b", "--client-id", "k", service=service)
    assert conflict.exit_code == 1
    assert "idempotency_conflict" in conflict.stderr
    assert "--client-id" in conflict.stderr
    assert len(service.requests) == 3  # a conflict does not pass by waiting


def test_without_a_service_the_exit_code_is_3_and_the_mend_is_named(run: Run) -> None:
    result = run("send", "demo", "x", "--patience", "0")
    assert result.exit_code == 3
    assert "umbral-chat serve" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "args",
    [
        ["demo", ""],
        ["no/slash", "x"],
        ["..", "x"],
        ["demo", "x", "--metadata", "[1]"],
        ["demo", "x", "--metadata", "{"],
        ["demo", "x", "--role", "king"],
        ["demo", "\udcff"],
    ],
)
def test_what_is_invalid_whatever_the_service_is_not_sent(run: Run, service: FakeService, args: list[str]) -> None:
    result = run("send", *args, service=service)
    assert result.exit_code == 2, result.output
    assert not service.requests


def test_standard_input_that_is_no_utf8_is_refused(run: Run, service: FakeService) -> None:
    result = run("send", "demo", service=service, input=b"caf\xe9\n")
    assert result.exit_code == 2
    assert "byte 3" in result.stderr
    assert not service.requests
