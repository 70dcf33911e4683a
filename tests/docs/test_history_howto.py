"""The plugin of `how-to/write-a-history.md`: with a storage to stand on, what the page shows works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT, blocks
from .session import write

PAGE = ROOT / "docs" / "how-to" / "write-a-history.md"
pytestmark = pytest.mark.slow

STORAGE = '''
from umbral_chat._core.sqlite import open_storage as embedded


def open_storage(dsn, clock):
    """What the page leaves to its reader: here the core's own."""
    return embedded(dsn, clock=clock)
'''

LOADED = """
import os
from umbral_chat._core.plugins.boot import boot
from umbral_chat._core.plugins.host import PluginHost
from umbral_chat.clock import SystemClock
from umbral_chat.context import Base
from umbral_chat.telemetry import Telemetry
from importlib.metadata import EntryPoint

points = [EntryPoint("acme", "acme_history.plugin", "umbral_chat")]
for environ, names in (({}, []), ({"UMBRAL_CHAT_ACME__DSN": "acme.sqlite3"}, ["acme"])):
    settings, host = boot(None, environ, entry_points=points)
    base = Base(settings, Telemetry.create(environ={}), SystemClock())
    assert [plugin for plugin, _ in host.storages(base)] == names, host.statuses
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package of the page, with the module that it leaves out."""
    for block in blocks(PAGE):
        if block.file is not None:
            write(block, tmp_path)
    (tmp_path / "src" / "acme_history" / "__init__.py").touch()
    (tmp_path / "src" / "acme_history" / "storage.py").write_text(STORAGE, encoding="utf-8")
    return tmp_path


def test_the_suites_run_as_the_page_sets_them_up(package: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_it_provides_its_storage_when_it_is_configured(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=package / "src", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
