"""`umbral-chat plugins`: installed, active, provides, why not. The plugins are really installed, in a directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

SECTION = """
from umbral_chat import hookimpl
from umbral_chat.settings import Section

class Mine(Section, frozen=True):
    interval: int = 3

@hookimpl
def umbral_chat_settings():
    return Mine
"""
COMMAND = """
import rich_click as click
from umbral_chat import hookimpl

@click.command("mine")
def mine():
    click.echo("mine was called")

@hookimpl
def umbral_chat_commands():
    return [mine]
"""


class Machine:
    """An environment with further packages, and the command line run in it as a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # What this repository has installed is disabled, so that an exit code is that of the test's own plugins.
        ours = [point.name for point in entry_points(group="umbral_chat")]
        self.environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **self.disabling(*ours)}
        self.ours = ours

    @staticmethod
    def disabling(*names: str) -> dict[str, str]:
        return {"UMBRAL_CHAT_CORE__DISABLED_PLUGINS": json.dumps(names)}

    def install(self, name: str, source: str, requires: str = "umbral-chat-core") -> None:
        (self.root / f"acme_{name}.py").write_text(source, encoding="utf-8")
        info = self.root / f"acme_{name}-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[umbral_chat]\n{name} = acme_{name}\n", encoding="utf-8")

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        code = "from umbral_chat._core.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.root,
            env={**self.environ, **environ},
            timeout=60,
        )

    def shown(self, **environ: str) -> tuple[int, dict[str, dict[str, object]], list[str]]:
        result = self.run("plugins", "--json", **environ)
        shown = json.loads(result.stdout)
        return result.returncode, {one["name"]: one for one in shown["plugins"]}, shown["conflicts"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_each_plugin_is_shown_with_what_it_provides_or_why_not(machine: Machine) -> None:
    machine.install("mine", SECTION)
    machine.install("broken", "import absent_part")
    machine.install("later", SECTION, requires="umbral-chat-core>=99")
    machine.install("unwanted", "raise SystemExit('imported')")
    environ = machine.disabling(*machine.ours, "unwanted")
    code, plugins, _ = machine.shown(**environ)
    states = {name: plugins[name]["state"] for name in ("mine", "broken", "later", "unwanted")}
    assert states == {"mine": "active", "broken": "broken", "later": "incompatible", "unwanted": "disabled"}
    assert plugins["mine"]["provides"] == ["settings"]
    assert plugins["mine"]["distribution"] == "acme-mine"
    assert code == 1
    result = machine.run("plugins", **environ)
    assert result.returncode == 1
    assert "broken: Importing acme_broken failed: ModuleNotFoundError: No module named 'absent_part'" in result.stdout
    assert "later: It needs core >=99, and this is" in result.stdout


def test_a_hook_that_fails_is_shown_and_ends_with_1(machine: Machine) -> None:
    machine.install("mine", SECTION.replace("return Mine", "return 1 / 0"))
    code, plugins, conflicts = machine.shown()
    assert code == 1
    assert plugins["mine"]["faults"] == ["umbral_chat_settings: it raised ZeroDivisionError: division by zero"]
    assert conflicts == []


def test_two_plugins_that_claim_one_command_are_shown(machine: Machine) -> None:
    machine.install("mine", COMMAND)
    machine.install("yours", COMMAND)
    code, _, conflicts = machine.shown()
    assert code == 1
    assert len(conflicts) == 1
    assert "'mine' and 'yours' both claim the command 'mine'" in conflicts[0]


def test_wrong_settings_elsewhere_do_not_hide_the_plugins(machine: Machine) -> None:
    machine.install("mine", SECTION)
    code, plugins, _ = machine.shown(UMBRAL_CHAT_MINE__INTERVALL="1", UMBRAL_CHAT_CORE__PORT="many")
    assert code == 0
    assert plugins["mine"]["state"] == "active"


def test_a_misspelt_disabled_plugin_ends_with_2(machine: Machine) -> None:
    machine.install("mine", SECTION)
    result = machine.run("plugins", **machine.disabling("mien"))
    assert result.returncode == 2
    assert "did you mean mine?" in result.stderr


def test_a_plugins_command_and_section_are_the_command_lines_own(machine: Machine) -> None:
    machine.install("mine", COMMAND)
    machine.install("other", SECTION)
    assert machine.run("mine").stdout == "mine was called\n"
    shown = json.loads(machine.run("config", "--json", UMBRAL_CHAT_OTHER__INTERVAL="9").stdout)
    assert shown["settings"]["other.interval"]["value"] == 9
