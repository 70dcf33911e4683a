"""The packages of this project: what to install for a missing section, plugin or command."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple


class Package(NamedTuple):
    """One of our distributions and the extra of `umbral-chat` that installs it (None: it is always installed)."""

    name: str
    extra: str | None
    command: str | None = None
    """Its command of `umbral-chat`, where the name differs from the section's."""

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install {self.name}" if self.extra is None else f"pip install 'umbral-chat[{self.extra}]'"


PACKAGES = {
    "polling": Package("umbral-chat-polling", None),
    "presence": Package("umbral-chat-presence", "presence", "who"),
    "supabase": Package("umbral-chat-realtime-supabase", "realtime"),
    "streaming": Package("umbral-chat-streaming", "streaming"),
    "subscriptions": Package("umbral-chat-subscriptions", "subscriptions"),
    "n8n": Package("umbral-chat-n8n-bridge", "n8n"),
    "webchat": Package("umbral-chat-webchat", "web"),
}
"""By the name of the entry point, which is also the section's."""


def package_of(section: str) -> Package | None:
    """Our package whose plugin has this name."""
    return PACKAGES.get(section)


def missing_package(section: str) -> Package | None:
    """Our package whose plugin has this name, if it is not installed."""
    return _unless_installed(package_of(section))


def package_missing_for(command: str) -> Package | None:
    """Our package that has this command, if it is not installed."""
    candidates = (package for section, package in PACKAGES.items() if command in {section, package.command})
    return _unless_installed(next(candidates, None))


def _unless_installed(package: Package | None) -> Package | None:
    if package is None:
        return None
    try:
        distribution(package.name)
    except PackageNotFoundError:
        return package
    return None


__all__ = ["PACKAGES", "Package", "missing_package", "package_missing_for", "package_of"]
