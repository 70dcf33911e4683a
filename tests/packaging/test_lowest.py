"""What the packages allow at least: a version without a known hole, of everything that they depend on."""

from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import Version

from .lowest import constraints, floor, requirements

SOUND = {
    "apsw": "3.51.3",  # the SQLite in it: CVE-2025-6965, and the reset of a WAL that lost committed pages
    "cryptography": "46.0.7",  # CVE-2026-26007, CVE-2026-39892
    "httptools": "0.7",  # the llhttp in it: CVE-2024-27982
    "litestar": "2.22",  # CVE-2025-59152, CVE-2026-25479, CVE-2026-48061
    "psycopg": "3.3",  # the libpq in its wheels: CVE-2025-1094, CVE-2025-12818
    "pyjwt": "2.13",  # CVE-2024-53861 (2.10.0), CVE-2026-32597 (2.11), CVE-2026-48523 (2.12)
}
"""The first version without the holes that are known, and which they were."""


def test_every_dependency_has_a_lower_bound() -> None:
    assert [f"{folder}: {one}" for folder, one in requirements() if floor(one) is None] == []


def test_no_lower_bound_allows_a_version_with_a_known_hole() -> None:
    found = [(folder, canonicalize_name(one.name), floor(one) or "0") for folder, one in requirements()]
    assert {name for _, name, _ in found} >= SOUND.keys()
    assert [one for one in found if Version(one[2]) < Version(SOUND.get(one[1], "0"))] == []


def test_the_lowest_set_names_each_dependency_once() -> None:
    names = [line.partition("==")[0] for line in constraints()]
    assert len(names) == len(set(names))
    assert SOUND.keys() <= set(names)
