"""Counting: only what is declared, bounded, and nearly free."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.settings import sections
from umbral_chat.telemetry import METRICS, Cell, Counter, Label, Metric, Telemetry

OFF = sections.Telemetry(metrics=False)
OPEN = Metric("acme.calls", "counter", "{call}", "Calls.", (Label("by", ("me",), open=True, limit=3),))
CLOSED = Metric("acme.answers", "counter", "{answer}", "Answers.", (Label("is", ("yes", "no")),))


def test_a_cell_is_the_same_object_each_time_and_counts() -> None:
    counter = Counter(CLOSED)
    cell = counter.labels("yes")
    cell.value += 1
    cell.add(2)
    assert counter.labels("yes") is cell
    assert dict(counter.read()) == {("yes",): 3, ("no",): 0}


def test_known_series_stand_at_zero_from_the_start() -> None:
    assert dict(Counter(CLOSED).read()) == {("yes",): 0, ("no",): 0}
    assert dict(Counter(OPEN).read()) == {("me",): 0}


@pytest.mark.parametrize("values", [("maybe",), (), ("yes", "no")])
def test_a_value_that_a_closed_label_does_not_have_is_an_error(values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"acme\.answers"):
        Counter(CLOSED).labels(*values)


@given(st.lists(st.text(max_size=3)))
def test_an_open_label_counts_everything_and_holds_a_bounded_number_of_series(values: list[str]) -> None:
    counter = Counter(OPEN)
    for value in values:
        counter.labels(value).add()
    series = dict(counter.read())
    assert sum(series.values()) == len(values)
    assert len(series) <= 3 + 1  # its limit, and `other`


def test_only_what_is_declared_can_be_counted() -> None:
    telemetry = Telemetry.create(OFF)
    with pytest.raises(LookupError, match=r"No counter umbral_chat\.poll is declared: did you mean umbral_chat\.polls"):
        telemetry.counter("umbral_chat.poll")
    with pytest.raises(LookupError, match="No histogram"):
        telemetry.histogram("umbral_chat.polls")
    with pytest.raises(LookupError, match="No gauge"):
        telemetry.gauge("umbral_chat.polls", list)


def test_totals_are_kept_for_the_status_on_or_off() -> None:
    telemetry = Telemetry.create(OFF)
    for outcome in ("created", "repeated", "created"):
        telemetry.counter("umbral_chat.sends").labels(outcome).add()
    assert telemetry.totals()["umbral_chat.sends"] == 3
    assert telemetry.totals().keys() == {metric.name for metric in METRICS if metric.kind == "counter"}


def test_a_plugin_declares_its_own_and_cannot_redeclare_anothers() -> None:
    telemetry = Telemetry.create(OFF)
    telemetry.declare(OPEN, CLOSED)
    telemetry.declare(OPEN)
    assert telemetry.counter("acme.calls") is telemetry.counter("acme.calls")
    with pytest.raises(ValueError, match=r"acme\.calls is declared already"):
        telemetry.declare(Metric("acme.calls", "counter", "{call}", "Other calls."))


def test_two_apps_of_one_process_count_apart() -> None:
    first, second = Telemetry.create(OFF), Telemetry.create(OFF)
    first.counter("umbral_chat.sends").labels("created").add()
    assert second.counter("umbral_chat.sends").labels("created").value == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Sends"},
        {"kind": "histogram"},
        {"buckets": (1.0,)},
        {"kind": "histogram", "buckets": (2.0, 1.0)},
        {"kind": "histogram", "buckets": (1.0,), "labels": (Label("by"),)},
    ],
)
def test_a_declaration_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"name": "acme.calls", "kind": "counter", "unit": "{call}", "description": "Calls."}
    with pytest.raises(ValueError, match=r"Sends|acme\.calls"):
        Metric(**{**right, **wrong})  # type: ignore[arg-type]


def test_a_gauge_that_fails_is_told_once_and_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = Telemetry.create(environ={})

    def failing() -> list[tuple[tuple[str, ...], int]]:
        raise RuntimeError("dictionary changed size during iteration")

    telemetry.gauge("umbral_chat.readers", failing)
    telemetry.gauge("umbral_chat.readers", lambda: [((), 3)])
    telemetry.gauge("umbral_chat.drafts", lambda: [(("too", "many"), 1)])
    with caplog.at_level(logging.WARNING):
        texts = [telemetry.prometheus()[0] for _ in range(3)]
    telemetry.shutdown()
    assert all(b"\numbral_chat_readers 3.0\n" in text and b"\numbral_chat_drafts " not in text for text in texts)
    assert len([one for one in caplog.records if one.name.startswith("umbral_chat")]) == 2


@pytest.mark.parametrize("how", ["setting", "variable"])
def test_off_makes_no_thread_and_shows_nothing(how: str) -> None:
    before = set(threading.enumerate())
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    telemetry = (
        Telemetry.create(OFF, environ)
        if how == "setting"
        else Telemetry.create(environ={**environ, "OTEL_SDK_DISABLED": "TRUE"})
    )
    telemetry.counter("umbral_chat.sends").labels("created").value += 1
    telemetry.histogram("umbral_chat.append.duration").record(0.1)
    telemetry.gauge("umbral_chat.readers", lambda: [((), 3)])
    assert not telemetry.enabled
    assert telemetry.meter_provider is None
    assert b"umbral_chat" not in telemetry.prometheus()[0]
    assert set(threading.enumerate()) <= before
    telemetry.shutdown()


def test_off_does_not_even_import_the_sdk() -> None:
    code = (
        "import sys; from umbral_chat.telemetry import Telemetry; from umbral_chat._core.settings import sections;"
        "Telemetry.create(sections.Telemetry(metrics=False));"
        "sys.exit('imported' if 'opentelemetry' in sys.modules else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_counting_costs_the_same_attribute_on_or_off() -> None:
    on, off = Telemetry.create(environ={}), Telemetry.create(OFF)
    cells = [telemetry.counter("umbral_chat.polls").labels("304") for telemetry in (on, off)]
    on.shutdown()
    assert [type(cell) for cell in cells] == [Cell, Cell]
    assert not hasattr(cells[0], "__dict__")


def test_every_declared_name_is_the_cores() -> None:
    assert all(metric.name.startswith("umbral_chat.") and metric.description.endswith(".") for metric in METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)
