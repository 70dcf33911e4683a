"""Asking for what is not installed says what to install."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest
from click.testing import CliRunner
from umbral_chat._core.cli import cli
from umbral_chat._core.plugins.provider_selection import select
from umbral_chat._core.settings import packages
from umbral_chat.errors import SettingsError

INSTALL = "pip install 'umbral-chat[realtime]'"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the core is installed."""

    def gone(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "distribution", gone)
    monkeypatch.setattr("umbral_chat._core.cli.group.plugin_commands", dict)


@pytest.mark.usefixtures("bare")
def test_a_history_that_a_package_of_ours_brings() -> None:
    with pytest.raises(SettingsError, match="umbral-chat-realtime-supabase") as raised:
        select("history", "core.history", "supabase", [], own="sqlite")
    assert INSTALL in str(raised.value)


@pytest.mark.usefixtures("bare")
def test_a_command_that_a_package_of_ours_brings() -> None:
    told = CliRunner().invoke(cli, ["supabase", "migrate"], env={"COLUMNS": "300"})
    assert told.exit_code == 2
    assert INSTALL in told.output


@pytest.mark.usefixtures("bare")
def test_a_command_that_is_not_called_as_its_package() -> None:
    told = CliRunner().invoke(cli, ["who", "demo"], env={"COLUMNS": "300"})
    assert told.exit_code == 2
    assert "pip install 'umbral-chat[presence]'" in told.output


def test_what_is_installed_is_not_said_to_be_missing() -> None:
    assert packages.missing_package("polling") is None
    assert packages.missing_package("nothing-of-ours") is None
    with pytest.raises(SettingsError, match="no active and configured plugin"):
        select("history", "core.history", "nothing-of-ours", [], own="sqlite")
