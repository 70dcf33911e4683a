"""The garbage collector in a run of the tests: what was collected stays, so it is not looked at again and again."""

from __future__ import annotations

import gc

import pytest

THRESHOLD = 10_000
"""New objects after which the youngest are looked at: an app has as many, and a test makes a few."""


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Seven thousand tests with all that they import are a million objects, each full collection of which takes a tenth
    of a second; together that was a tenth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, *gc.get_threshold()[1:])
