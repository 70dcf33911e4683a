"""`import` and `export`: nothing is lost or repeated, and an invalid line is reported by its number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.tests.cli.conftest import FakeService, Run


def write(path: Path, lines: list[dict[str, Any] | str]) -> str:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return str(path)


def test_a_file_is_imported_and_a_second_import_of_it_stores_nothing(
    run: Run, service: FakeService, tmp_path: Path
) -> None:
    lines: list[dict[str, Any] | str] = [
        {"conversation": f"c{number % 3}", "content": f"text {number}", "role": "user"} for number in range(30)
    ]
    # Alike to the letter, and yet two messages: "yes" was sent twice.
    lines += [{"conversation": "c0", "content": "yes"}, {"conversation": "c0", "content": "yes"}, ""]
    file = write(tmp_path / "history.jsonl", lines)
    first = run("import", file, "--json", service=service)
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == {"stored": 32, "updated": 0, "already_there": 0, "skipped": 0, "failed": 0}
    assert service.contents("c0") == [f"text {number}" for number in range(0, 30, 3)] + ["yes", "yes"]
    assert service.contents("c1") == [f"text {number}" for number in range(1, 30, 3)]

    write(tmp_path / "history.jsonl", [*lines, {"conversation": "c1", "content": "later"}])
    again = run("import", file, "--json", service=service)
    assert json.loads(again.stdout)["already_there"] == 32
    assert json.loads(again.stdout)["stored"] == 1
    assert service.contents("c1")[-1] == "later"


def test_lost_answers_repeat_nothing_and_change_no_order(run: Run, service: FakeService, tmp_path: Path) -> None:
    lines: list[dict[str, Any] | str] = [{"conversation": "c", "content": str(number)} for number in range(40)]
    service.faults.extend(["lose", 503, "refuse", "none"] * 2)
    result = run("import", write(tmp_path / "a", lines), service=service)
    assert result.exit_code == 0, result.output
    assert service.contents("c") == [str(number) for number in range(40)]


def test_invalid_lines_are_named_and_the_others_imported(run: Run, service: FakeService, tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any] | str] = {
        "not JSON": "{",
        "not a JSON object": "[1]",
        "missing required field `content`": {"conversation": "c"},
        "conversation's id": {"conversation": "a/b", "content": "x"},
        "unknown field `contents`": {"conversation": "c", "content": "x", "contents": "y"},
        "Invalid enum value 'king'": {"conversation": "c", "content": "x", "role": "king"},
        "both `role` and `sender`": {"conversation": "c", "content": "x", "role": "user", "sender": {"role": "user"}},
        "`content` is empty": {"conversation": "c", "content": ""},
        "Expected `str`": {"conversation": "c", "content": 7},
    }
    lines = [*wrong.values(), {"conversation": "c", "content": "good"}]
    result = run("import", write(tmp_path / "a", lines), "--json", service=service)
    assert result.exit_code == 1
    for number, reason in enumerate(wrong, 1):
        assert any(line.startswith(f"line {number}: ") and reason in line for line in result.stderr.splitlines()), (
            reason
        )
    assert json.loads(result.stdout)["failed"] == len(wrong)
    assert service.contents("c") == ["good"]


def test_a_problem_of_the_service_is_named_by_its_line(run: Run, service: FakeService, tmp_path: Path) -> None:
    service.delete("gone")
    lines: list[dict[str, Any] | str] = [{"conversation": name, "content": "x"} for name in ("a", "gone", "b")]
    result = run("import", write(tmp_path / "a", lines), service=service)
    assert result.exit_code == 1
    assert "line 2: " in result.stderr
    assert "conversation_deleted" in result.stderr
    assert service.contents("a") == service.contents("b") == ["x"]


def test_stop_on_error_stops(run: Run, service: FakeService, tmp_path: Path) -> None:
    lines: list[dict[str, Any] | str] = ["{", *({"conversation": "c", "content": str(n)} for n in range(500))]
    result = run("import", write(tmp_path / "a", lines), "--stop-on-error", service=service)
    assert result.exit_code == 1
    assert service.contents("c") == []


def test_a_refused_key_stops_at_once(run: Run, service: FakeService, tmp_path: Path) -> None:
    service.key = "right"
    lines: list[dict[str, Any] | str] = [{"conversation": "c", "content": str(number)} for number in range(300)]
    result = run("import", write(tmp_path / "a", lines), service=service)
    assert result.exit_code == 1
    assert "UMBRAL_CHAT_KEY" in result.stderr
    assert len(service.requests) == 1


def test_a_file_that_is_not_there_is_wrong_usage(run: Run) -> None:
    assert run("import", "nowhere.jsonl").exit_code == 2


def a_life(service: FakeService) -> None:
    """A conversation in which everything happened."""
    service.append("life", "update", {"changes": {"title": "Help", "metadata": {"a": 1}}})
    service.say("life", "one", "two ü 漢字 \u2028", "secret", "four")
    service.append("life", "edit", {"message_id": "m3", "content": "two, better"})
    service.append("life", "redaction", {"message_id": "m4"})
    service.logs["life"][3] = {**service.logs["life"][3], "content": "", "redacted": True}
    service.append("life", "update", {"changes": {"status": "closed"}})
    service.append("life", "message", {"content": "again", "sender": {"role": "user"}, "reply_to": "m2"})
    service.append("life", "update", {"changes": {"status": "open"}})  # by the service itself


def test_export_and_import_copy_a_log_to_another_service(run: Run, service: FakeService, tmp_path: Path) -> None:
    a_life(service)
    service.say("other", *map(str, range(20)))
    before = {name: list(log) for name, log in service.logs.items()}
    file = tmp_path / "all.jsonl"
    exported = run("export", "--all", "-o", str(file), service=service)
    assert exported.exit_code == 0, exported.output
    assert "30 entries of 2 conversations" in exported.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]
    assert file.stat().st_mode & 0o077 == 0

    service.logs.clear()
    service.keys.clear()
    result = run("import", str(file), "--json", service=service)
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    assert counts == {"stored": 25, "updated": 2, "already_there": 0, "skipped": 3, "failed": 0}
    assert service.contents("other") == [entry["content"] for entry in before["other"]]
    kept = [entry for entry in before["life"] if entry["kind"] != "redaction" and not entry.get("redacted")][:-1]
    assert [
        {name: entry.get(name) for name in ("kind", "content", "message_id", "changes", "reply_to", "sender")}
        for entry in service.logs["life"]
    ] == [
        {name: entry.get(name) for name in ("kind", "content", "message_id", "changes", "reply_to", "sender")}
        for entry in kept
    ]


def test_importing_an_export_into_its_own_service_stores_no_message_twice(
    run: Run, service: FakeService, tmp_path: Path
) -> None:
    service.say("c", "one", "two")
    file = tmp_path / "c.jsonl"
    assert run("export", "c", "-o", str(file), service=service).exit_code == 0
    result = run("import", str(file), "--json", service=service)
    assert json.loads(result.stdout)["already_there"] == 2
    assert service.contents("c") == ["one", "two"]


def test_export_writes_to_standard_output(run: Run, service: FakeService) -> None:
    service.say("c", "one")
    result = run("export", "c", service=service)
    assert json.loads(result.stdout)["conversation"] == "c"


@pytest.mark.parametrize("args", [[], ["c", "--all"]])
def test_what_to_export_must_be_given_exactly_once(run: Run, service: FakeService, args: list[str]) -> None:
    assert run("export", *args, service=service).exit_code == 2


def test_an_export_that_fails_leaves_the_old_file(run: Run, service: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text("old")
    service.say("c", *map(str, range(9)))
    service.delete("gone")
    assert run("export", "c", "gone", "-o", str(file), service=service).exit_code == 1
    assert file.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_export_of_all_finds_a_conversation_that_moves_to_the_front_meanwhile(
    run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inbox is ordered by last activity: `last` is written to after the first page was read."""

    def page(*names: str, before: str | None) -> dict[str, Any]:
        ages = {"a": 9, "b": 8, "c": 7, "last": 1, "last'": 10}
        listed = [
            {"id": name.rstrip("'"), "last_activity": f"2026-11-22T09:00:{ages[name]:02}Z", "status": "open"}
            for name in names
        ]
        return {"conversations": listed, "before": before}

    pages = iter([page("a", "b", before="x"), page("c", before=None), page("last'", "a", before="y")])
    for name in ("a", "b", "c", "last"):
        service.say(name, f"of {name}")
    rest = page("last'", "a", before=None)
    monkeypatch.setattr(service, "inbox", lambda _query: next(pages, rest))
    result = run("export", "--all", service=service)
    assert [json.loads(line)["conversation"] for line in result.stdout.splitlines()] == ["a", "b", "c", "last"]


@pytest.mark.parametrize("key", ["ends in a space ", "ä", "漢字", " \t", "a\nb", "\x7f"])
def test_any_client_id_is_imported(run: Run, service: FakeService, tmp_path: Path, key: str) -> None:
    """In a header some would be changed, and others end the whole import."""
    file = write(tmp_path / "a", [{"conversation": "c", "content": "x", "client_id": key}])
    for count in ("stored", "already_there"):
        result = run("import", file, "--json", service=service)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)[count] == 1
    assert [known for _, known in service.keys] == [key]


def test_a_conversation_without_entries_is_exported_and_imported(
    run: Run, service: FakeService, tmp_path: Path
) -> None:
    service.recreate("empty")
    service.say("full", "x")
    file = tmp_path / "all.jsonl"
    exported = run("export", "--all", "-o", str(file), service=service)
    assert "1 entry of 2 conversations" in exported.stderr
    assert {"conversation": "empty", "kind": "conversation"} in list(map(json.loads, file.read_text().splitlines()))
    assert run("export", "never-made", service=service).stdout == ""
    result = run("import", str(file), "--json", service=service)
    assert result.exit_code == 0, result.output
    assert {"id": "empty"} in service.bodies


def test_with_keep_times_entries_are_imported_and_not_written_anew(
    run: Run, service: FakeService, tmp_path: Path
) -> None:
    a_life(service)
    before = list(service.logs["life"])
    file = tmp_path / "life.jsonl"
    assert run("export", "life", "-o", str(file), service=service).exit_code == 0
    service.logs.clear()
    result = run("import", str(file), "--keep-times", "--json", service=service)
    assert json.loads(result.stdout) == {"stored": 7, "updated": 3, "already_there": 0, "skipped": 0, "failed": 0}
    assert service.logs["life"] == before
