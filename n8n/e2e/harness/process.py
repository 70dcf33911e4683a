"""Child processes that always end: one process group each, every wait bounded, output in a log file."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRESS_EVERY = 15.0
TAIL_LINES = 60


class HarnessError(Exception):
    """The service or n8n could not be started; the message says what to do."""


def say(text: str) -> None:
    """Print a progress line at once: the slow steps take minutes, and silence would look like a hang."""
    print(f"[e2e-n8n] {text}", flush=True)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    if not log.is_file():
        return f"({log} was never written)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def clean_env(drop: Sequence[str], **extra: str) -> dict[str, str]:
    """This environment without what starts with `drop`: a developer's own settings must not reach a test."""
    # A proxy would swallow the calls between n8n and the service, which never leave the loopback.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(tuple(drop))}
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | extra


def run(what: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], limit: float, cwd: Path) -> None:
    """Run a command to its end within `limit` seconds; raise HarnessError with the log's tail if it fails."""
    began = time.monotonic()
    with process(command, log=log, env=env, cwd=cwd) as child:
        while child.poll() is None:
            left = limit - (time.monotonic() - began)
            if left <= 0:
                raise HarnessError(f"{what}: not done after {limit:.0f} s\n{tail(log)}")
            try:
                child.wait(timeout=min(PROGRESS_EVERY, left))
            except subprocess.TimeoutExpired:
                say(f"{what}: {time.monotonic() - began:.0f} s …")
    if child.returncode != 0:
        raise HarnessError(f"{what}: exit code {child.returncode}\n{tail(log)}")
    say(f"{what}: done in {time.monotonic() - began:.0f} s")


@contextmanager
def process(
    command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path, grace: float = 15.0
) -> Iterator["subprocess.Popen[bytes]"]:
    """A child in its own process group, which is ended with all its children when the block is left."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, start_new_session=True
        )
    try:
        yield child
    finally:
        _end(child, grace)


def _end(child: "subprocess.Popen[bytes]", grace: float) -> None:
    if child.poll() is None:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=grace)
    with suppress(ProcessLookupError):
        # n8n's task runner is a child of n8n: what is left of the group is killed.
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(timeout=grace)
