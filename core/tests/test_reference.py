"""The reference pages equal those generated from the code."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from umbral_chat._core.plugins import hookspecs
from umbral_chat._core.plugins.relay import specs
from umbral_chat._core.settings.environ import variable
from umbral_chat._core.settings.load import CORE_SECTIONS
from umbral_chat._core.settings.schema import leaves
from umbral_chat.telemetry import METRICS, Telemetry

from tools.reference import pages

DIRECTORY = Path(__file__).parents[2] / "docs" / "reference"


def test_the_committed_pages_equal_the_generated_ones() -> None:
    # The command itself, so that this test's warning filters do not decide which plugins can be imported.
    command = [sys.executable, "-m", "tools.reference.pages", "--check", str(DIRECTORY)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    output = result.stdout + result.stderr
    assert result.returncode == 0, f"{output}\nGenerate them: python -m tools.reference.pages docs/reference"


def test_every_hook_is_in_the_page_with_its_signature_as_in_the_source() -> None:
    page = (DIRECTORY / "hooks.md").read_text(encoding="utf-8")
    source = " ".join(inspect.getsource(hookspecs).split())
    for hook in specs():
        line = pages.signature(getattr(hookspecs, hook))
        assert line in page
        assert f"{line}:" in source  # the page's form is the source's own, not one that the generator invents


def test_every_hook_says_when_it_is_called() -> None:
    for hook in specs():
        assert "Called " in str(getattr(hookspecs, hook).__doc__), hook


def test_every_setting_is_in_the_page_with_a_description() -> None:
    page = (DIRECTORY / "settings.md").read_text(encoding="utf-8")
    for section, kind in CORE_SECTIONS.items():
        for dotted, field in leaves(kind, section):
            assert f"| `{dotted}` |" in page
            assert field.description.endswith("."), f"{dotted} has no Meta(description=…)"
        assert variable(next(leaves(kind, section))[0]) in page


def test_documented_declared_and_created_metrics_are_the_same() -> None:
    page = (DIRECTORY / "metrics.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `umbral_chat.")]
    documented = {row[1].strip(" `"): row[2].strip(" `") for row in rows}
    telemetry = Telemetry.create(environ={})
    metrics = [*METRICS, *(metric for group in pages.first_party_metrics().values() for metric in group)]
    telemetry.declare(*metrics)
    for metric in metrics:
        values = tuple(label.values[0] if label.values else "acme" for label in metric.labels)
        match metric.kind:
            case "counter":
                telemetry.counter(metric.name).labels(*values).add()
            case "histogram":
                telemetry.histogram(metric.name).record(1)
            case "gauge":
                telemetry.gauge(metric.name, lambda values=values: [(values, 1)])  # type: ignore[misc]
    text = telemetry.prometheus()[0].decode()
    telemetry.shutdown()
    created = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE umbral_chat")}
    assert set(documented) == {metric.name for metric in metrics}
    assert set(documented.values()) == created


def test_whatever_a_service_with_all_plugins_declares_is_documented() -> None:
    parts = pages.first_party_parts()
    pages.first_party_handlers(parts)
    found = parts.base.telemetry.declared
    documented = {metric.name for group in pages.first_party_metrics().values() for metric in group}
    assert found.keys() - {metric.name for metric in METRICS} <= documented
    assert {name for name in documented if name.startswith("umbral_chat.streams")} <= found.keys()


def test_check_reports_a_stale_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "first_party_sections", dict)
    assert pages.main([str(tmp_path)]) == 0
    assert pages.main([str(tmp_path), "--check"]) == 0
    (tmp_path / "hooks.md").write_text("old", encoding="utf-8")
    capsys.readouterr()
    assert pages.main([str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == f"{tmp_path / 'hooks.md'} is stale\n"
    assert (tmp_path / "hooks.md").read_text(encoding="utf-8") == "old"
