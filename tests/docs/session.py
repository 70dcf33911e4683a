"""Runs a page: its commands and programs in order, in one shell, against a service of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

from .pages import Block, Command, same

DEFAULT_PORT = 8750
SECONDS = 90
"""Timeout for a whole page, which has long polls and starts services, on a busy machine."""

_PORTS = re.compile(r"\b875\d\b")


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a reader who has installed everything and set nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UMBRAL_CHAT_", "OTEL_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "HOME": str(folder), "COLUMNS": "120", "NO_COLOR": "1", **more}


@contextmanager
def service(folder: Path, port: int, environ: dict[str, str]) -> Iterator[str]:
    """Run `umbral-chat serve` as the page does; yields its URL when it is ready."""
    url = f"http://127.0.0.1:{port}"
    command = ["umbral-chat", "serve", "--port", str(port)]  # ./umbral-chat.toml is read, if there is one
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT)
        try:
            _await(url, process)
            yield url
        except Exception as error:
            error.add_note((folder / "serve.log").read_text(encoding="utf-8"))
            raise
        finally:
            process.terminate()
            process.wait(20)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60  # on a machine that does other things, too
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5):  # noqa: S310 - our own loopback URL
                return
        except (urllib.error.URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the page's service did not start") from error
            time.sleep(0.1)


def run(blocks: list[Block], folder: Path, environ: dict[str, str], port: int) -> None:
    """Run the page's commands and programs. Raises AssertionError with the page's line and the actual output."""
    ports = {DEFAULT_PORT: port}

    def placed(text: str) -> str:
        return _PORTS.sub(lambda found: str(ports.setdefault(int(found[0]), free_port())), text)

    steps = list(_steps(blocks, folder, placed))
    script = "trap 'kill $(jobs -p) 2>/dev/null' EXIT\n"
    for number, (_, command) in enumerate(steps):
        script += f"{command.text}\nprintf '\\n@@%s:%s\\n' {number} $?\n"
    done = subprocess.run(
        ["bash", "--norc"],
        input=script,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    parts = re.split(r"\n@@(\d+):(\d+)\n", done.stdout)
    outputs = {int(number): (output, int(code)) for output, number, code in zip(*[iter(parts)] * 3, strict=False)}
    for number, (where, command) in enumerate(steps):
        output, code = outputs.get(number, (parts[-1], -1))
        assert code == 0, f"{where}: exit code {code} of\n  {command.text}\n{output}"
        if command.output:
            assert same(command.output, output), (
                f"{where}: after\n  {command.text}\nthe output was\n{output}\nnot\n{command.output}"
            )


def write(block: Block, folder: Path) -> None:
    """Write a block that names its file."""
    file = folder / str(block.file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text, encoding="utf-8")


def _steps(blocks: list[Block], folder: Path, placed: Callable[[str], str]) -> Iterator[tuple[str, Command]]:
    for number, block in enumerate(blocks):
        if block.language == "console":
            yield from ((block.where, Command(placed(one.text), placed(one.output))) for one in block.commands)
        elif block.file is not None:
            write(block, folder)
        elif block.language == "python":
            (folder / f"snippet_{number}.py").write_text(placed(block.text), encoding="utf-8")
            yield block.where, Command(f"python snippet_{number}.py", "")


__all__ = ["DEFAULT_PORT", "run", "service", "surroundings", "write"]
