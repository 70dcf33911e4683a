"""The pluggy markers, and nothing else: importing them does not import the core."""

from __future__ import annotations

import pluggy

PROJECT_NAME = "umbral_chat"
"""The name of the pluggy project, and of the entry-point group of plugins."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)

__all__ = ["PROJECT_NAME", "hookimpl", "hookspec"]
