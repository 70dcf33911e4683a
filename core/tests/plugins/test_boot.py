"""The start that every command shares: disabled, plugins, settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from umbral_chat._core.plugins import boot
from umbral_chat.errors import PluginError, SettingsError

from .conftest import Packages

SECTION = """
from umbral_chat import hookimpl
from umbral_chat.settings import Section

class Mine(Section, frozen=True):
    interval: int = 3

@hookimpl
def umbral_chat_settings():
    return Mine
"""


def start(packages: Packages, text: str = "", **environ: str) -> tuple[object, list[str]]:
    file = packages.root / "chat.toml"
    file.write_text(text, encoding="utf-8")
    settings, host = boot(file, environ, entry_points=packages.entry_points)
    return settings.sections().get("mine"), host.active


def test_a_plugins_section_is_read_under_its_name(packages: Packages) -> None:
    packages.add("mine", SECTION)
    section, active = start(packages, "[mine]\ninterval = 4\n")
    assert (getattr(section, "interval", None), active) == (4, ["mine"])
    section, _ = start(packages, "", UMBRAL_CHAT_MINE__INTERVAL="5")
    assert getattr(section, "interval", None) == 5
    with pytest.raises(SettingsError, match=r"Unknown setting mine\.intervall .*did you mean mine\.interval"):
        start(packages, "[mine]\nintervall = 4\n")


@pytest.mark.parametrize("broken", [False, True], ids=["disabled", "broken"])
def test_a_plugin_that_is_not_active_may_keep_its_section(packages: Packages, broken: bool) -> None:
    packages.add("mine", "1 / 0" if broken else SECTION)
    disabled = "" if broken else "[core]\ndisabled_plugins = ['mine']\n"
    assert start(packages, disabled + "[mine]\nwhatever = 4\n", UMBRAL_CHAT_MINE__INTERVAL="5") == (None, [])


def test_a_misspelt_name_among_the_disabled_is_an_error_and_an_absent_plugins_is_not(packages: Packages) -> None:
    packages.add("mine", SECTION)
    with pytest.raises(SettingsError, match=r"has 'mien': did you mean mine\?"):
        start(packages, "[core]\ndisabled_plugins = ['mien']\n")
    assert start(packages, "[core]\ndisabled_plugins = ['presence', 'zzz']\n")[1] == ["mine"]


def test_a_section_that_cannot_be_given_stops_the_start_by_name(packages: Packages) -> None:
    packages.add("mine", SECTION.replace("return Mine", "return 1 / 0"))
    with pytest.raises(PluginError, match=r"'mine' \(acme-mine 1\.0\), hook umbral_chat_settings: .*ZeroDivisionError"):
        start(packages)


def test_plugins_and_settings_are_read_without_the_server_or_the_database(tmp_path: Path) -> None:
    code = (
        "import sys; from umbral_chat._core.plugins import boot; boot(None, {}, entry_points=[]);"
        "heavy = {'litestar', 'apsw', 'opentelemetry', 'httpx', 'click', 'rich'} & sys.modules.keys();"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
