"""`umbral-chat config`: the settings in force with their origin, without a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from umbral_chat._core.cli import cli
from umbral_chat._core.settings.load import CORE_SECTIONS
from umbral_chat._core.settings.schema import leaves

SECRET = "s3cr3t-that-nobody-may-see"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, ["config", *arguments], env=environ)


def test_every_setting_is_shown_with_its_value_and_origin() -> None:
    Path("umbral-chat.toml").write_text("[core]\nport = 9000\n", encoding="utf-8")
    result = config("--json", UMBRAL_CHAT_CORE__LIMITS__PAGE="7")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["file"] == "umbral-chat.toml"
    settings = shown["settings"]
    assert settings["core.port"] == {"value": 9000, "origin": "file", "where": "umbral-chat.toml"}
    assert settings["core.limits.page"] == {
        "value": 7,
        "origin": "environment",
        "where": "UMBRAL_CHAT_CORE__LIMITS__PAGE",
    }
    assert settings["core.history"] == {"value": None, "origin": "default", "where": None}
    assert {dotted for name, kind in CORE_SECTIONS.items() for dotted, _ in leaves(kind, name)} <= settings.keys()


def test_the_table_shows_the_same() -> None:
    Path("mine.toml").write_text("[core]\nport = 9000\n", encoding="utf-8")
    lines = config("--config", "mine.toml").stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert rows["core.port"] == ["9000", "file", "mine.toml"]
    assert rows["core.history"] == ["unset", "default"]
    assert rows["telemetry.metrics"] == ["true", "default"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_is_printed(form: list[str]) -> None:
    keys = json.dumps([{"name": "n8n", "key": SECRET}])
    result = config(*form, UMBRAL_CHAT_CORE__KEYS=keys, UMBRAL_CHAT_KEY=SECRET)
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert "********" in result.stdout


def test_a_wrong_setting_is_reported_with_exit_code_2() -> None:
    result = config(UMBRAL_CHAT_CORE__PROT="1")
    assert result.exit_code == 2
    assert "did you mean UMBRAL_CHAT_CORE__PORT (core.port)?" in result.stderr
    assert result.stdout == ""


def test_an_address_that_others_reach_without_a_key_is_shown_and_refused() -> None:
    result = config("--json", UMBRAL_CHAT_CORE__HOST="10.0.0.1")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["settings"]["core.host"]["value"] == "10.0.0.1"
    assert "there is no service key" in result.stderr


def test_control_characters_are_left_out() -> None:
    result = config(UMBRAL_CHAT_CORE__DATABASE="a\x1b[2Jb\x9b2Jc")
    assert result.exit_code == 0
    assert "\x1b[2J" not in result.stdout
    assert "\x9b" not in result.stdout
