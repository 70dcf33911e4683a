"""The garbage collector is set by the command that serves, never by the app."""

from __future__ import annotations

import subprocess
import sys

EMBEDDED = """
import gc
before = gc.get_threshold(), gc.get_freeze_count()
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins.boot import boot
create_app(*boot(None, {"UMBRAL_CHAT_CONFIG": ""}))
import umbral_chat._core.server.serve
assert (gc.get_threshold(), gc.get_freeze_count()) == before, gc.get_threshold()
umbral_chat._core.server.serve.tune_garbage_collector()
assert gc.get_threshold()[0] == umbral_chat._core.server.serve.GC_THRESHOLD
assert gc.get_freeze_count() > 0
"""


def test_an_embedded_app_leaves_it_as_it_was() -> None:
    done = subprocess.run([sys.executable, "-c", EMBEDDED], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
