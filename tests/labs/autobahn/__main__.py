"""`python -m tests.labs.autobahn`: the Autobahn test suite's cases against the real server, driven by `kosoku`. Exit
code 0 when all passed, 1 when one did not, 2 when `kosoku` is not installed.

Compression (12 and 13) is left out: it is not offered. `--short` also leaves out the long cases, of limits and speed
(9), and the many of UTF-8 (6).
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

START_TIMEOUT = 60.0
"""Seconds for the server to listen."""

CASES_TIMEOUT = 900.0
"""Seconds for all cases: they take fifteen."""

PASSED = frozenset({"OK", "NON-STRICT", "INFORMATIONAL"})
"""`NON-STRICT`: a violation is found at the end of a message or of what was received with it, and not at its first
byte, which the suite takes as good as well."""

LEFT_OUT = ("12.*", "13.*")
LONG = ("6.*", "9.*")


def main(arguments: Sequence[str]) -> int:
    """Run the cases, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    kosoku = shutil.which("kosoku", path=f"{Path(sys.executable).parent}")
    if kosoku is None:
        print("The Autobahn cases need the package kosoku: make setup", file=sys.stderr)
        return 2
    left_out = LEFT_OUT + (LONG if options.short else ())
    with tempfile.TemporaryDirectory(prefix="autobahn-") as folder, serving() as port:
        began = time.monotonic()
        chosen = [word for case in left_out for word in ("-x", case)]
        command = [kosoku, *chosen, "-o", folder, f"ws://127.0.0.1:{port}/echo"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CASES_TIMEOUT, check=False)
        report = Path(folder) / "index.json"
        if not report.is_file():
            print(f"kosoku wrote no report: {done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)
            return 1
        results: dict[str, dict[str, dict[str, Any]]] = json.loads(report.read_text("utf-8"))
        (cases,) = results.values()
    bad = failed(cases)
    for name, why in bad.items():
        print(f"  {name}: {why}")
    counted = ", ".join(f"{count} {name}" for name, count in Counter(one["behavior"] for one in cases.values()).items())
    verdict = "FAILED" if bad else "all passed"
    print(f"Autobahn: {len(cases)} cases ({counted}) in {time.monotonic() - began:.0f} s: {verdict}")
    return 1 if bad or not cases else 0


def failed(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The cases that did not pass, each with how it and its close ended."""
    return {
        name: f"{one['behavior']}, close {one['behaviorClose']}"
        for name, one in cases.items()
        if one["behavior"] not in PASSED or one["behaviorClose"] not in PASSED
    }


@contextmanager
def serving() -> Iterator[int]:
    """The server with its echo route; its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.labs.autobahn.serve", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(START_TIMEOUT)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.autobahn", description=__doc__)
    parser.add_argument("--short", action="store_true", help="without the long cases")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
