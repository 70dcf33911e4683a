"""The figures of the switching, in pytest's summary."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the tests here recorded."""
    lines = [
        f"{name}: {value}"
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        if report.when == "call" and report.nodeid.startswith("tests/switching/")
        for name, value in report.user_properties
    ]
    if lines:
        terminalreporter.section("switching realtime under load")
        for line in lines:
            terminalreporter.line(line)
