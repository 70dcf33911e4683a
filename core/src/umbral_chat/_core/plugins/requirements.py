"""Whether the running core is the one that a plugin's package asks for."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

CORE = "umbral-chat-core"


def unmet(requires: Iterable[str], core_version: str) -> Requirement | None:
    """The requirement on the core that `core_version` does not meet, or None."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if canonicalize_name(requirement.name) != CORE:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        # A pre-release of the core is what its developers run; it is not held against a plugin.
        if not requirement.specifier.contains(core_version, prereleases=True):
            return requirement
    return None


__all__ = ["CORE", "unmet"]
