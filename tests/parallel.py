"""Which tests share a worker when they run in parallel (`make test`, by pytest-xdist).

Every other test goes to whichever worker is free: it has ports, files and a database of its own, and each worker has a
local Supabase of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import pytest

TOGETHER: Mapping[str, str] = {
    "tests/packaging/": "they share wheels and virtual environments, which take 10 s of a processor each to make",
    "tests/community_node/": "they share a package that npm installs, builds and packs, 10 s in the making",
    "plugins/polling/tests/test_two_processes.py": "they share two services",
    "plugins/realtime_supabase/tests/database/test_plans.py": "they read the same million entries, 30 s in the making",
    "tests/switching/": "they hold a promise in seconds with two instances under load each: not against one another",
}
"""Folders and files whose tests run in one worker, in their order, and why. They begin first: groups do, the largest
first."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: at the end the workers share what is left in small pieces, and none waits for another. The
    files of the others shuffled, always in the same way: those that keep a processor busy and those that wait are each
    in folders of their own, and run well beside one another."""
    items.sort(
        key=lambda item: (item.get_closest_marker("slow") is None, crc32(item.nodeid.partition("::")[0].encode()))
    )


def shared(nodeid: str) -> str:
    """What the test shares a worker by: a place with others, or its own id."""
    return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal the tests out so. Not by `--dist loadgroup`: with pytest 9.2, pytest-xdist 3.8 drops its groups in silence
    (pytest-xdist issue 1386)."""
    # pytest-xdist has no types.
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return shared(nodeid)

    return Scheduling(config, log)
