"""The browser of the labs that need one: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The path of Chromium (`CHROMIUM`, or by its usual names); None, with a line on standard error that says what to
    install, where it or Playwright is missing."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is not None and importlib.util.find_spec("playwright") is not None:
        return found
    print(
        "Playwright (make setup-browser) and Chromium (apt-get install chromium) are needed.",
        file=sys.stderr,
    )
    return None


__all__ = ["find_chromium"]
