"""The packages of this project: what to install for a section or plugin that is not there."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple


class Package(NamedTuple):
    """A distribution of ours and the extra of `umbral-chat` that brings it (None: always there)."""

    name: str
    extra: str | None
    command: str | None = None
    """Its command for `umbral-chat`, where that is not called as its section is."""

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install {self.name}" if self.extra is None else f"pip install 'umbral-chat[{self.extra}]'"


PACKAGES = {
    "polling": Package("umbral-chat-polling", None),
    "presence": Package("umbral-chat-presence", "presence", "who"),
    "supabase": Package("umbral-chat-realtime-supabase", "realtime"),
    "streaming": Package("umbral-chat-streaming", "streaming"),
    "n8n": Package("umbral-chat-n8n-bridge", "n8n"),
    "webchat": Package("umbral-chat-webchat", "web"),
}
"""By the name of the entry point, which is the section's too."""


def package_of(section: str) -> Package | None:
    """The package of ours whose plugin has this name."""
    return PACKAGES.get(section)


def missing_package(section: str) -> Package | None:
    """The package of ours whose plugin has this name, when it is not installed."""
    return _unless_installed(package_of(section))


def package_missing_for(command: str) -> Package | None:
    """The package of ours that brings this command, when it is not installed."""
    brings = (package for section, package in PACKAGES.items() if command in {section, package.command})
    return _unless_installed(next(brings, None))


def _unless_installed(package: Package | None) -> Package | None:
    if package is None:
        return None
    try:
        distribution(package.name)
    except PackageNotFoundError:
        return package
    return None


__all__ = ["PACKAGES", "Package", "missing_package", "package_missing_for", "package_of"]
