"""The pluggy markers, and nothing else: a plugin's module may import them without paying for the core."""

from __future__ import annotations

import pluggy

PROJECT_NAME = "umbral_chat"
"""Names the hooks' project and the entry-point group that plugins register under."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)

__all__ = ["PROJECT_NAME", "hookimpl", "hookspec"]
