"""The lines of an import, pure: what makes a repeated import harmless."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from umbral_chat._core.cli.import_format import InvalidLine, Planner, Step

said = st.builds(
    lambda name, text, role: {"conversation": name, "content": text, **({"role": role} if role else {})},
    st.sampled_from(["a", "b"]),
    st.sampled_from(["yes", "no", "ü", " "]),
    st.sampled_from([None, "user", "assistant"]),
)


def planned(lines: list[dict[str, Any]]) -> list[Step]:
    planner = Planner()
    steps = [planner.step(number, json.dumps(line).encode()) for number, line in enumerate(lines, 1)]
    return [step for step in steps if step is not None]


def keys(lines: list[dict[str, Any]]) -> list[str | None]:
    return [step.requests[0].key for step in planned(lines)]


@given(st.lists(said, max_size=20), st.lists(said, max_size=20))
def test_keys_are_unique_and_stay_when_the_file_grows(lines: list[dict[str, Any]], later: list[dict[str, Any]]) -> None:
    drawn = keys(lines)
    assert len(set(drawn)) == len(lines)
    assert keys([*lines, *later])[: len(lines)] == drawn


@given(st.lists(said, max_size=12), st.randoms())
def test_the_same_lines_have_the_same_keys_wherever_they_stand(lines: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(lines, len(lines))
    assert sorted(map(str, keys(lines))) == sorted(map(str, keys(shuffled)))


def test_the_order_of_members_and_their_spacing_make_no_other_line() -> None:
    planner = Planner()
    one = planner.step(1, b'{"conversation": "a", "content": "x"}')
    two = Planner().step(1, b'{ "content":"x","conversation":"a" }\r\n')
    assert one == two


def test_a_client_id_of_the_line_is_kept() -> None:
    assert keys([{"conversation": "a", "content": "x", "client_id": "mine"}]) == ["mine"]


def entry(seq: int, kind: str, **fields: Any) -> dict[str, Any]:
    sender = fields.pop("sender", {"role": "user"})
    return {"conversation": "a", "kind": kind, "seq": seq, "at": "2026-11-22T09:00:00Z", "sender": sender, **fields}


def test_what_was_redacted_is_left_out_and_said_so() -> None:
    steps = planned(
        [
            entry(1, "message", message_id="m", content="", redacted=True),
            entry(2, "edit", message_id="m", content="", redacted=True),
            entry(3, "redaction", message_id="m"),
        ]
    )
    assert [step.skipped for step in steps] == ["redacted"] * 3
    assert not any(step.requests for step in steps)


def test_the_end_of_a_run_is_imported_only_with_its_time() -> None:
    line = entry(1, "run", run_id="r1", outcome="failed", reason="lost", sender={"role": "assistant"})
    (step,) = planned([line])
    assert (step.skipped, step.requests) == ("run that ended", ())
    kept = Planner(keep_times=True).step(1, json.dumps(line).encode())
    assert kept is not None
    (request,) = kept.requests
    assert request.path.endswith("/a/entries")
    assert request.body == {
        "kind": "run",
        "at": "2026-11-22T09:00:00Z",
        "sender": {"role": "assistant"},
        "run_id": "r1",
        "outcome": "failed",
        "reason": "lost",
    }


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        # Closed, a user writes, the service opens it: it will do so again by itself.
        (["closed", "user", "open"], [True, True, False]),
        # Opened by a person before anybody wrote.
        (["closed", "open", "user"], [True, True, True]),
        (["closed", "assistant", "open"], [True, True, True]),
        (["user", "open"], [True, True]),
    ],
)
def test_only_an_opening_that_the_service_repeats_by_itself_is_left_out(lines: list[str], sent: list[bool]) -> None:
    entries = [
        entry(seq, "message", message_id=f"m{seq}", content="x", sender={"role": line})
        if line in {"user", "assistant"}
        else entry(seq, "update", changes={"status": line})
        for seq, line in enumerate(lines, 1)
    ]
    assert [bool(step.requests) for step in planned(entries)] == sent


def test_an_entry_of_a_newer_service_is_a_bad_line_and_no_crash() -> None:
    with pytest.raises(InvalidLine, match="Invalid value"):
        planned([entry(1, "poll")])


anything = st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps).map(str.encode)


@settings(max_examples=50)
@given(st.binary(max_size=60) | anything)
def test_no_line_crashes_an_import(raw: bytes) -> None:
    if raw.strip():
        with pytest.raises(InvalidLine):
            Planner().step(1, raw)
    else:
        assert Planner().step(1, raw) is None


def test_a_line_that_is_nested_without_end_is_a_bad_line() -> None:
    with pytest.raises(InvalidLine):
        Planner().step(1, b"[" * 1_000_000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"content": "x"}, "`conversation` is missing"),
        ({"conversation": None, "content": "x"}, "`conversation` is not text"),
        ({"conversation": 7, "content": "x"}, "`conversation` is not text"),
        ({"conversation": "a"}, "content"),
        (entry(1, "edit", message_id="..", content="x"), "message_id"),
        (entry(1, "edit", message_id="a/b", content="x"), "message_id"),
    ],
)
def test_an_incomplete_line_is_reported_with_what_is_missing(line: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidLine, match=reason):
        planned([line])


def test_with_times_kept_every_entry_is_taken_over_as_it_is() -> None:
    lines = [
        entry(1, "message", message_id="m", content="", redacted=True, client_id="old", imported=True),
        entry(2, "redaction", message_id="m", sender={"role": "agent"}),
        entry(3, "update", changes={"status": "closed"}),
        {"conversation": "a", "content": "x", "at": "2019-01-01T00:00:00Z"},
    ]
    planner = Planner(keep_times=True)
    steps = [step for n, line in enumerate(lines, 1) if (step := planner.step(n, json.dumps(line).encode()))]
    bodies = [request.body for step in steps for request in step.requests]
    assert [request.path for step in steps for request in step.requests] == [
        *["/v1/conversations/a/entries"] * 3,
        "/v1/conversations/a/messages",
    ]
    assert bodies[0] == {
        "kind": "message",
        "message_id": "m",
        "content": "",
        "redacted": True,
        "at": "2026-11-22T09:00:00Z",
        "sender": {"role": "user"},
    }
    assert bodies[1]["sender"] == {"role": "agent"}
    assert (bodies[2]["changes"], str(bodies[3]["at"])) == ({"status": "closed"}, "2019-01-01 00:00:00+00:00")
    (plain,) = planned([lines[3]])[0].requests
    assert "at" not in plain.body  # the service's own time, unless times are to be kept
