"""Which tests share a worker when they run in parallel (`make test`; pytest-xdist with `--dist loadgroup`).

Every other test goes to whichever worker is free: it has ports, files and a database of its own, and each worker has a
local Supabase of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TOGETHER: Mapping[str, str] = {
    "tests/packaging": "they share wheels and virtual environments, which take 10 s of a processor each to make",
    "plugins/realtime_supabase/tests/database/test_plans.py": "they read the same million entries, 30 s in the making",
    "tests/switching": "they hold a promise in seconds with two instances under load each: not against one another",
}
"""Folders and files whose tests run in one worker, in their order, and why. They begin first: groups do, the largest
first."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the group of each test that has one."""
    for item in items:
        for place in TOGETHER:
            if item.path.is_relative_to(ROOT / place):
                item.add_marker(pytest.mark.xdist_group(place.replace("/", "-")))
