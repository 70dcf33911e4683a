"""The hooks that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat import hookimpl

from umbral_chat_streaming.settings import Streaming

if TYPE_CHECKING:
    from umbral_chat.context import Base


@hookimpl
def umbral_chat_settings() -> type[Streaming]:
    """The section `streaming`."""
    return Streaming


def _settings(base: Base) -> Streaming:
    return base.settings.section("streaming", Streaming)
