"""Hypothesis, for every test of this repository: no example is held to milliseconds."""

from __future__ import annotations

from hypothesis import settings


def pytest_configure() -> None:
    """A machine that stalls would make whatever example it falls on fail, and pass when that is repeated."""
    settings.register_profile("patient", settings.default, deadline=None)
    settings.load_profile("patient")
