"""Where output goes: devices, FIFOs, links, full disks, closed streams, every locale; and one Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich_click import UsageError
from umbral_chat._core.cli import files
from umbral_chat._core.cli.files import OutputFailed, replaced

PROGRAM = [sys.executable, "-m", "umbral_chat"]


def program(*args: str, redirect: str = "", **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program, with redirections of the shell's where given."""
    words = " ".join(f"'{word}'" for word in [*PROGRAM, *args])
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("UMBRAL_CHAT_", "PYTHONIO", "LC_"))
    }
    return subprocess.run(
        ["bash", "-c", f"{words} {redirect}"], capture_output=True, check=False, timeout=60, env=kept | environ
    )


def test_a_device_stays_one_and_is_written_through(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    with replaced(fifo) as file:
        file.write(b"one\n")
    reader.join(30)
    assert read == [b"one\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    with replaced(Path("/dev/null")) as file:
        file.write(b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert [one.name for one in tmp_path.iterdir()] == ["fifo"]


def test_a_link_stays_and_what_it_leads_to_is_replaced_whole(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"before, which is longer")
    link.symlink_to(target)
    with replaced(link) as file:
        file.write(b"after")
        assert target.read_bytes() == b"before, which is longer"
    assert (link.is_symlink(), target.read_bytes()) == (True, b"after")
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "new")
    with replaced(dangling) as file:
        file.write(b"made")
    assert (dangling.is_symlink(), (tmp_path / "new").read_bytes()) == (True, b"made")


def test_what_fails_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def fail() -> None:
        with replaced(path) as file:
            file.write(b"half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_an_open_file_s_name_is_appended_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    with log.open("ab") as open_one, replaced(Path(f"/dev/fd/{open_one.fileno()}")) as file:
        file.write(b"after\n")
    assert log.read_bytes() == b"before\nafter\n"


def test_a_full_disk_is_distinguished_from_a_missing_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputFailed, match="No space left"), replaced(Path("/dev/full")) as file:
        file.write(b"x")
    with pytest.raises(UsageError, match="cannot be written"), replaced(tmp_path / "no" / "file"):
        pass
    with pytest.raises(UsageError, match="cannot be written"), replaced(tmp_path):
        pass
    assert files.WRITE_FAILURES


@pytest.mark.parametrize("args", [("version",), ("version", "--json"), ("config",), ("config", "--json"), ("--help",)])
def test_output_that_finds_no_room_is_a_line_and_exit_code_1(args: tuple[str, ...]) -> None:
    done = program(*args, redirect="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode().startswith("✗ The output cannot be written: No space left on device.")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_goes_nowhere(closed: str) -> None:
    done = program("version", "--json", redirect=closed)
    assert done.returncode == 0
    assert done.stderr == b""
    assert (done.stdout != b"") == (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.parametrize("ending", ["| head -c 1", "| true"])
def test_a_reader_that_goes_away_is_no_traceback(ending: str) -> None:
    assert b"Traceback" not in program("config", "--json", redirect=ending).stderr


@pytest.mark.parametrize(
    "environ",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "utf-16"},
    ],
)
def test_json_is_utf_8_in_every_locale(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "umbral-chat.toml"
    file.write_text('[core]\ndatabase = "grüße-漢字.sqlite3"\n', encoding="utf-8")
    done = program("config", "--json", "--config", str(file), **environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("utf-8"))["settings"]["core.database"]["value"] == "grüße-漢字.sqlite3"
    assert program("config", "--config", str(file), **environ).returncode == 0


def interrupted(*args: str, shows: bytes, directory: Path) -> tuple[int, bytes]:
    """Run a command on a terminal, interrupt it once when it has shown `shows`; its exit code and what it showed."""
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *args], stdin=inner, stdout=inner, stderr=inner, cwd=directory, start_new_session=True
    )
    os.close(inner)
    try:
        shown = b""
        while shows not in shown and (part := _read(terminal)):
            shown += part
        _waits(process.pid)
        process.send_signal(signal.SIGINT)
        while part := _read(terminal):
            shown += part
        return process.wait(60), shown
    finally:
        process.kill()
        process.wait(60)
        os.close(terminal)


def _waits(process: int) -> None:
    """Return when it sleeps: it shows its question before it waits for the answer."""
    asleep, end = 0, time.monotonic() + 60
    while asleep < 3 and time.monotonic() < end:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        asleep = asleep + 1 if state == "S" else 0
        time.sleep(0.02)


def _read(terminal: int) -> bytes:
    """What it shows next; nothing: it is over, or took a minute."""
    if not select.select([terminal], [], [], 60)[0]:
        return b""
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.parametrize(
    ("args", "shows"),
    [
        (("delete", "demo"), b"[y/N]"),
        (("send", "demo"), b"Ctrl-D"),
    ],
)
def test_one_ctrl_c_ends_a_question(args: tuple[str, ...], shows: bytes, tmp_path: Path) -> None:
    code, shown = interrupted(*args, shows=shows, directory=tmp_path)
    assert code == 130, shown
    assert b"Traceback" not in shown
