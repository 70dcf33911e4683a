"""The commands against the service itself, in processes of their own, as at a terminal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
from click.testing import CliRunner
from umbral_chat._core.cli import cli

from tests.ports import free_port

pytestmark = pytest.mark.slow

KEYS = [
    {"name": "all", "key": "key-of-all-0123456789"},
    {"name": "reader", "key": "key-of-reader-01234", "rights": ["read"]},
]

COMMAND = """
import signal
from umbral_chat._core.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
"""As in a terminal: what a shell starts in the background ignores Ctrl-C, and so would its children."""


class Machine:
    """A directory with a database, the service on it, and commands that are run there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            **os.environ,
            "UMBRAL_CHAT_URL": self.url,
            "UMBRAL_CHAT_CORE__PORT": str(self.port),
            "TZ": "UTC",
        }
        self._processes: list[subprocess.Popen[str]] = []
        self.server: subprocess.Popen[str] | None = None

    def start(
        self, *args: str, out: int | TextIO = subprocess.PIPE, err: int | TextIO = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *args],
            cwd=self.root,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
        )
        self._processes.append(process)
        return process

    def run(self, *args: str, code: int = 0) -> tuple[str, str]:
        """The command's standard output and error, after it ended with `code`."""
        result = CliRunner().invoke(cli, args, prog_name="umbral-chat", env=self.environ)
        assert result.exit_code == code, (result.exit_code, result.output, result.exception)
        return result.stdout, result.stderr

    def serve(self, err: int | TextIO = subprocess.PIPE) -> None:
        self.server = self.start("serve", err=err)
        self.until(self._answers)

    def kill(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait(10)

    def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come to that in time"
            time.sleep(0.05)

    def _answers(self) -> bool:
        assert self.server is not None
        assert self.server.poll() is None, self.server.communicate()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=10)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("UMBRAL_CHAT_")]:
        monkeypatch.delenv(name)
    machine = Machine(tmp_path)
    yield machine
    machine.close()


def seqs(path: Path) -> list[int]:
    return [entry["seq"] for entry in whole_lines(path)]


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """What a process has printed so far; the line that it is about to print is not whole yet."""
    return [json.loads(line) for line in path.read_text("utf-8").rpartition("\n")[0].splitlines()]


def test_tail_follows_live_through_a_crash_of_the_service_and_ends_at_ctrl_c(machine: Machine, tmp_path: Path) -> None:
    machine.serve()
    shown = tmp_path / "shown"
    with shown.open("w") as file:
        tail = machine.start("tail", "demo", "-f", "--json", out=file)
    for number in range(3):
        machine.run("send", "demo", f"before {number}")
    machine.until(lambda: seqs(shown) == [1, 2, 3])
    machine.kill()
    sending = machine.start("send", "demo", "while it was away", "--patience", "60")
    assert sending.stderr is not None
    assert "Trying again" in sending.stderr.readline()
    machine.serve()
    assert sending.wait(60) == 0
    machine.run("send", "demo", "after")
    machine.until(lambda: len(seqs(shown)) == 5)
    tail.send_signal(signal.SIGINT)
    _, said = tail.communicate(timeout=30)
    assert tail.returncode == 130
    assert "Lost the service" in said
    assert "is back" in said
    assert "Traceback" not in said
    assert seqs(shown) == [1, 2, 3, 4, 5]


def test_a_deleted_conversation_ends_its_tail(machine: Machine) -> None:
    machine.serve()
    machine.run("send", "demo", "x")
    tail = machine.start("tail", "demo", "-f")
    assert tail.stdout is not None
    while "x" not in tail.stdout.readline():
        assert tail.poll() is None
    machine.run("delete", "demo", "--yes")
    _, err = tail.communicate(timeout=30)
    assert tail.returncode == 1
    assert "conversation_deleted" in err


def test_an_export_of_one_service_is_taken_by_another_once(machine: Machine, tmp_path: Path) -> None:
    machine.serve()
    lines = [{"conversation": f"c{n % 3}", "content": f"text {n} ü 漢字", "role": "user"} for n in range(60)]
    lines += [{"conversation": "c0", "content": "answer", "role": "assistant", "client_id": "k"}]
    source = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "in.jsonl").write_text(source, "utf-8")
    assert json.loads(machine.run("import", "in.jsonl", "--json")[0])["stored"] == 61
    assert json.loads(machine.run("import", "in.jsonl", "--json")[0])["already_there"] == 61
    machine.run("export", "--all", "-o", "out.jsonl")

    other = Machine(tmp_path / "other")
    other.root.mkdir()
    try:
        other.serve()
        exported = str(tmp_path / "out.jsonl")
        assert json.loads(other.run("import", exported, "--json")[0])["stored"] == 61
        assert json.loads(other.run("import", exported, "--json")[0])["already_there"] == 61
        for name in ("c0", "c1", "c2"):
            mine, theirs = (one.run("transcript", name, "--format", "openai")[0] for one in (machine, other))
            assert json.loads(mine) == json.loads(theirs)
    finally:
        other.close()


def test_a_conversation_s_own_changes_survive_export_and_import(machine: Machine, tmp_path: Path) -> None:
    machine.serve()
    log = [
        {"kind": "update", "changes": {"title": "Help", "metadata": {"a": 1}}},
        {"kind": "message", "message_id": "m1", "content": "one", "sender": {"role": "user"}},
        {"kind": "edit", "message_id": "m1", "content": "one, better", "sender": {"role": "user"}},
        {"kind": "update", "changes": {"status": "closed"}},
        {"kind": "message", "message_id": "m2", "content": "two", "sender": {"role": "user"}, "reply_to": "m1"},
        {"kind": "update", "changes": {"status": "open"}},
    ]
    at = "2026-11-22T09:00:00Z"
    entries = [
        {"conversation": "life", "seq": seq, "at": at, "sender": {"role": "system"}, **entry}
        for seq, entry in enumerate(log, 1)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries), "utf-8")
    for _ in range(2):
        machine.run("import", "in.jsonl")
    out = [json.loads(line) for line in machine.run("export", "life")[0].splitlines()]
    compared = ("kind", "message_id", "content", "changes", "reply_to")
    assert [{name: entry.get(name) for name in compared} for entry in out] == [
        {name: entry.get(name) for name in compared} for entry in log
    ]


def test_keys_and_tokens_open_what_they_should_and_no_more(machine: Machine) -> None:
    machine.environ["UMBRAL_CHAT_CORE__KEYS"] = json.dumps(KEYS)
    machine.serve()
    assert "unauthorized" in machine.run("send", "demo", "x", code=1)[1]
    assert "forbidden" in machine.run("--key", "key-of-reader-01234", "send", "demo", "x", code=1)[1]
    machine.environ["UMBRAL_CHAT_KEY"] = "key-of-all-0123456789"
    machine.run("send", "demo", "x")
    token = machine.run("token", "demo", "--subject", "visitor", "--name", "Guest", "--ttl", "10m")[0].strip()
    machine.run("send", "demo", "hello", "--key", token)
    assert "Guest" in machine.run("tail", "demo", "--key", token)[0]
    err = machine.run("send", "other", "hello", "--key", token, code=1)[1]
    assert token not in err
    assert "visitor" not in machine.run("conversations", "--key", token, code=1)[0]
    status, _ = machine.run("status", "--json")
    assert json.loads(status)["history"] == "sqlite"


def test_realtime_is_switched_by_who_may_and_a_hard_off_stays(machine: Machine) -> None:
    machine.environ["UMBRAL_CHAT_CORE__KEYS"] = json.dumps(KEYS)
    machine.serve()
    err = machine.run("--key", "key-of-reader-01234", "realtime", "off", code=1)[1]
    assert "forbidden" in err
    assert "admin" in err
    machine.environ["UMBRAL_CHAT_KEY"] = "key-of-all-0123456789"
    assert "off, switched by key:all" in machine.run("realtime", "off")[0]
    machine.kill()
    machine.serve()
    kept = json.loads(machine.run("realtime", "--json")[0])
    assert (kept["enabled"], kept["by"]) == (False, "key:all")
    assert json.loads(machine.run("status", "--json")[0])["realtime"] == kept
    machine.run("realtime", "on")
    machine.kill()
    machine.environ["UMBRAL_CHAT_REALTIME__ENABLED"] = "false"
    machine.serve()
    assert "realtime_disabled" in machine.run("realtime", "on", code=1)[1]
    assert "in the settings" in machine.run("realtime")[0]


def test_the_status_is_watched_through_a_crash_until_ctrl_c(machine: Machine, tmp_path: Path) -> None:
    machine.serve()
    shown = tmp_path / "shown"
    leader, follower = os.openpty()
    with shown.open("w") as file, os.fdopen(leader, "rb", buffering=0) as screen, os.fdopen(follower, "w") as terminal:
        lines = machine.start("status", "--watch", "--json", "--interval", "0.1", out=file)
        drawn = machine.start("status", "--watch", "--interval", "0.1", out=terminal)
        os.set_blocking(leader, False)
        seen = bytearray()

        def on_screen(text: bytes) -> bool:
            seen.extend(screen.read() or b"")
            return text in seen

        def printed() -> list[dict[str, Any]]:
            return whole_lines(shown)

        machine.until(lambda: len(printed()) == 1 and on_screen(b"it was never switched"))
        machine.run("realtime", "off")
        machine.until(lambda: len(printed()) == 2 and on_screen(b"off, switched by"))
        machine.kill()
        machine.until(lambda: "away_since" in printed()[-1] and on_screen(b"no answer since"))
        machine.serve()
        machine.until(lambda: printed()[-1].get("mode") == "polling")
        for process in (lines, drawn):
            process.send_signal(signal.SIGINT)
        for process in (lines, drawn):
            # A terminal without a reader blocks the writer. (mypy infers no type for the lambda's default.)
            machine.until(lambda process=process: on_screen(b"") and process.poll() is not None)  # type: ignore[misc]
            assert process.returncode == 130
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()


def test_a_failed_start_prints_one_readable_line(machine: Machine) -> None:
    def refused(*args: str) -> str:
        process = machine.start("serve", *args)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 2, err
        assert "Traceback" not in err
        return err

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", machine.port))
        taken.listen()
        assert "--port" in refused()
    assert "CORE__KEYS" in refused("--host", "0.0.0.0")  # noqa: S104
    assert "is a directory" in refused("--database", ".")
    machine.environ["UMBRAL_CHAT_CORE__TOKEN_SECRETS"] = '["too short"]'
    assert "openssl rand" in refused()
    del machine.environ["UMBRAL_CHAT_CORE__TOKEN_SECRETS"]
    machine.environ["UMBRAL_CHAT_CORE__PROT"] = "1"
    assert "did you mean" in refused()


def test_a_backup_is_taken_while_the_service_runs_and_serves_in_its_place(machine: Machine, tmp_path: Path) -> None:
    machine.serve()
    machine.run("send", "demo", "kept")
    expired, _ = machine.run("tail", "demo", "--json")
    machine.run("backup", "copy.sqlite3")
    assert "✓ service" in machine.run("doctor")[0]
    machine.kill()
    machine.environ["UMBRAL_CHAT_CORE__DATABASE"] = "copy.sqlite3"
    machine.serve()
    assert json.loads(machine.run("tail", "demo", "--json")[0]) == json.loads(expired)


@pytest.mark.parametrize(("number", "codes"), [(signal.SIGINT, {130}), (signal.SIGTERM, {0, -signal.SIGTERM})])
def test_a_service_that_is_signalled_to_stop_ends_cleanly(machine: Machine, number: int, codes: set[int]) -> None:
    machine.serve()
    machine.run("send", "demo", "x")
    assert machine.server is not None
    machine.server.send_signal(number)
    _, err = machine.server.communicate(timeout=30)
    assert machine.server.returncode in codes, err
    assert "Traceback" not in err
    assert [path.name for path in machine.root.iterdir()] == ["umbral-chat.sqlite3"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_log_that_is_full_does_not_end_the_service(machine: Machine) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        machine.serve(err=full)
        machine.run("send", "demo", "all the same")
