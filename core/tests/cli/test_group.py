"""The program as a whole: help for every command, plugins' commands, expected errors, and the reference page."""

from __future__ import annotations

from pathlib import Path

import pytest
import rich_click as click
from click.testing import CliRunner
from umbral_chat._core.cli import cli, group
from umbral_chat._core.cli.command import Command
from umbral_chat.errors import HistoryUnavailable, PluginError, SettingsError, StoreError

from tools.reference.cli import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_reference_page_equals_the_generated_one() -> None:
    assert PAGE.read_text("utf-8") == render(), "python -m tools.reference.cli > docs/reference/cli.md"


@pytest.mark.parametrize("name", group.COMMANDS)
def test_every_command_has_help_and_an_example(name: str) -> None:
    command = group.load(group.COMMANDS[name])
    assert isinstance(command, Command)
    assert command.name == name
    assert any(example.startswith(f"umbral-chat {name}") for example in command.examples)
    result = CliRunner().invoke(cli, [name, "--help"], prog_name="umbral-chat")
    assert result.exit_code == 0
    assert "Example" in result.output
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert all(option.help for option in options)


def test_help_lists_every_command_and_those_of_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("greet", help="Say hello.")
    def greet() -> None:
        click.echo("hello")

    monkeypatch.setattr(group, "plugin_commands", lambda: {"greet": greet})
    said = CliRunner().invoke(cli, ["--help"], prog_name="umbral-chat").output
    assert all(f" {name} " in said for name in [*group.COMMANDS, "greet"])
    assert CliRunner().invoke(cli, ["greet"]).output == "hello\n"


def test_plugins_are_not_loaded_for_a_command_of_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> dict[str, click.Command]:
        raise AssertionError("plugins were loaded")

    monkeypatch.setattr(group, "plugin_commands", load)
    assert CliRunner().invoke(cli, ["version"]).exit_code == 0


def test_help_and_commands_work_while_plugins_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBRAL_CHAT_CORE__DISABLED_PLUGINS", "{not a list")
    result = CliRunner().invoke(cli, ["--help"], prog_name="umbral-chat")
    assert result.exit_code == 0
    assert "The plugins' commands cannot be loaded" in result.stderr
    assert CliRunner().invoke(cli, ["version"]).exit_code == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("core.port is wrong"), 2),
        (PluginError("it is broken"), 2),
        (StoreError("no such file"), 2),
        (HistoryUnavailable("disk full"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_an_expected_error_is_a_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    @click.command("failing")
    def failing() -> None:
        raise error

    monkeypatch.setattr(group, "plugin_commands", lambda: {"failing": failing})
    result = CliRunner().invoke(cli, ["failing"])
    assert result.exit_code == code
    assert str(error) in result.stderr
    assert "Traceback" not in result.output


def test_an_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("failing")
    def failing() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(group, "plugin_commands", lambda: {"failing": failing})
    assert isinstance(CliRunner().invoke(cli, ["failing"]).exception, ZeroDivisionError)
