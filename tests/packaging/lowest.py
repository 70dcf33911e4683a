"""The lowest versions that the packages allow, as constraints: `python -m tests.packaging.lowest` prints them for pip.

A floor that no release has, or that another dependency does not allow, makes the installation fail: so each one is a
version that was tried.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

OUR_OWN = "umbral-chat"


def requirements() -> Iterator[tuple[str, Requirement]]:
    """Every dependency that a package of this repository declares, with the package's folder; not our own packages."""
    for file in (ROOT / "core" / "pyproject.toml", *sorted((ROOT / "plugins").glob("*/pyproject.toml"))):
        for line in tomllib.loads(file.read_text(encoding="utf-8"))["project"]["dependencies"]:
            requirement = Requirement(line)
            if not canonicalize_name(requirement.name).startswith(OUR_OWN):
                yield file.parent.name, requirement


def floor(requirement: Requirement) -> str | None:
    """The version of its `>=`; None where it has none."""
    return next((one.version for one in requirement.specifier if one.operator == ">="), None)


def constraints() -> list[str]:
    """`name==floor`, once for each dependency: the highest floor, where two packages ask for it."""
    from packaging.version import Version

    found: dict[str, str] = {}
    for _, requirement in requirements():
        lowest, name = floor(requirement), canonicalize_name(requirement.name)
        if lowest is not None and (name not in found or Version(found[name]) < Version(lowest)):
            found[name] = lowest
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(constraints()) + "\n")
