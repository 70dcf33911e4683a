"""The two ways as CONTRIBUTING.md lists them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
SOURCES = (
    "core/src",
    "plugins/polling/src",
    "plugins/presence/src",
    "plugins/realtime_supabase/src",
    "plugins/streaming/src",
)

_STEP = re.compile(r"^\d+\. `([a-z0-9_/]+)\.py` (.+)$", re.MULTILINE)
_ASKED = re.compile(r"`([a-z0-9_/]+)\.py`")

LEFT_OUT = re.compile(
    r"umbral_chat\.(model|telemetry|providers|testing)\..*|umbral_chat\.(errors|clock)|umbral_chat_\w+\.metrics|umbral_chat_presence\..*"
)
"""What travels (models and provider interfaces), what counts it, errors, the time; and presence, a plugin that is
notified of each entry and that neither way goes through."""


class Way(NamedTuple):
    """The files of one way in order, each with its verb; and those that are called from them."""

    steps: list[str]
    verbs: list[str]
    called: set[str]


def way(title: str) -> Way:
    """The way below the heading `title`."""
    text = PAGE.read_text(encoding="utf-8").partition("<!-- ways -->")[2].partition("<!-- /ways -->")[0]
    part = text.partition(f"### {title}\n")[2].partition("\n### ")[0]
    assert part, f"{PAGE.name} has no way {title!r}"
    steps = _STEP.findall(part)
    called = _ASKED.findall(part.partition("Called on the way:")[2])
    return Way([path for path, _ in steps], [verb for _, verb in steps], set(called))


def file_of(module: str) -> str:
    """A module as the page writes its file: the path below the sources, without the suffix."""
    return module.replace(".", "/")


def lines_of(path: str) -> int:
    """Lines of a file that the page names."""
    for source in SOURCES:
        file = ROOT / source / f"{path}.py"
        if file.is_file():
            return len(file.read_text(encoding="utf-8").splitlines())
    raise AssertionError(f"{PAGE.name} names {path}.py, which does not exist")


__all__ = ["LEFT_OUT", "ROOT", "Way", "file_of", "lines_of", "way"]
