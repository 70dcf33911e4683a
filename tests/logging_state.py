"""Each test gets the process's logging as it was before, whatever the one before it set up.

A library's default logging configuration, once imported by any test, would else show in every later test of the same
worker, and fail those that count log records.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        return (yield)
    finally:
        root.setLevel(level)
        for handler in [one for one in root.handlers if one not in handlers]:
            root.removeHandler(handler)


__all__ = ["pytest_runtest_protocol"]
