"""Starting and ending servers on a processor of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT = 60.0

SERVER_CPU, DRIVER_CPU = "0", "1"


def pinned(cpu: str, command: Sequence[str]) -> list[str]:
    """The command on one processor, where the machine can do so."""
    many = (os.cpu_count() or 1) > 1
    return ["taskset", "-c", cpu, *command] if many and shutil.which("taskset") else list(command)


@contextmanager
def running(
    command: Sequence[str], port: int, environ: Mapping[str, str] | None = None, *, cpu: str = SERVER_CPU
) -> Iterator[int]:
    """The server's process id, from when it takes connections to its end."""
    process = subprocess.Popen(
        pinned(cpu, command),
        env={**os.environ, **(environ or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} did not start")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process took so far; nan where the machine does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory(pid: int) -> float:
    """The most memory that a process had, in MiB; nan where the machine does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))


def python(*arguments: str) -> list[str]:
    """This Python with `arguments`."""
    return [sys.executable, *arguments]
