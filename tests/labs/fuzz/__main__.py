"""`make lab NAME=fuzz`: Schemathesis asks every operation of the OpenAPI document what it takes and what it does
not, with a service key and with a visitor's token. No answer may be a failure of the service, nor one that the document
lacks.

The document is asked of the service itself and then made strict: the answer `default`, which stands for a mistake of
the service, would allow every status. Schemathesis runs apart from the tests' own packages, by `uv tool run`, in the
version below. Loopback only; `--seed` repeats a run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.labs.kit.driver import run_driver
from tests.labs.kit.service import Service

SCHEMATHESIS = "schemathesis==4.32.5"

KEY = "api-fuzz-key-for-tests-only-0001"
LIMITED = "api-fuzz-key-for-tests-only-0002"
KEYS = [{"name": "fuzz", "key": KEY}, {"name": "reader", "key": LIMITED, "rights": ["read"]}]

SETTINGS = {
    "CORE__KEYS": json.dumps(KEYS),
    # What a caller may do is tried, and not how often; and no long poll or stream holds the run up.
    **{
        f"CORE__LIMITS__{what}_PER_SECOND": "0"
        for what in ("SENDS", "REQUESTS", "DRAFTS", "MARKERS", "CONNECTS", "TRANSCRIPTS")
    },
    "POLLING__LONG_POLL_TIMEOUT": "1",
    "STREAMING__CONNECTION_LIFETIME": "0.05",
}

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "unsupported_method,allow_header_conformance,ignored_auth"
)

PHASES = "examples,coverage,fuzzing"

LONGEST = 480
"""Seconds after which one caller's run is taken for one that hangs: with the default number of examples it takes from
25 to 75 s where it has a core of its own, and the callers share what cores there are."""


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The document without `default` answers, and without the form of event streams: the document says of what type
    the whole body is, and Schemathesis takes that for the schema of each event."""
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"].pop("default", None)
            for response in operation["responses"].values():
                response.get("content", {}).get("text/event-stream", {}).pop("schema", None)
    return document


def callers(url: str) -> dict[str, str]:
    """Who asks, and what each sends as its credential."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=30) as client:
        body = {"conversation": "room", "subject": "visitor-1", "rights": ["read", "send"]}
        answer = client.post("/v1/tokens", json=body)
        answer.raise_for_status()
        client.post("/v1/conversations/room/messages", json={"content": "x"}).raise_for_status()
    return {"a service key": KEY, "a key that may only read": LIMITED, "a visitor's token": answer.json()["token"]}


def fuzz(document: Path, url: str, credential: str, seed: int, examples: int) -> tuple[bool, str]:
    """One caller's run: whether all went well, and what Schemathesis said."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SystemExit("uv is not on the PATH: run `make lab NAME=fuzz`, or install it.")
    command = [
        *(uv, "tool", "run", "--from", SCHEMATHESIS, "schemathesis", "run", str(document), "--url", url),
        *("--header", f"Authorization: Bearer {credential}", "--checks", CHECKS, "--phases", PHASES),
        *("--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure", "--no-color"),
        *("--generation-database", "none", "--request-timeout", "20", "--no-shrink", "--warnings", "off"),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LONGEST, check=False, cwd=document.parent
        )
    except subprocess.TimeoutExpired as late:
        told = (late.stdout or b"").decode(errors="replace")
        return False, f"{told}\nnot done within {LONGEST} s"
    return done.returncode == 0, done.stdout + done.stderr


async def main() -> None:
    """Exits with 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.labs.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--examples", type=int, default=50, help="of each operation and caller (default: 50)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = Service("umbral-chat serve", Path(folder), **SETTINGS)
        await service.start()
        try:
            failed = await asyncio.to_thread(_ask, service, arguments.seed, arguments.examples)
        finally:
            await service.stop()
    if failed:
        raise SystemExit(1)


def _ask(service: Service, seed: int, examples: int) -> int:
    url = f"http://{service.host}:{service.port}"
    found = httpx.get(f"{url}/schema/openapi.json", timeout=60).raise_for_status().json()
    document = service.log.parent / "openapi.json"
    document.write_text(json.dumps(strict(found)), encoding="utf-8")
    print(f"seed {seed}; {sum(map(len, found['paths'].values()))} operations", flush=True)
    asked = callers(url)
    failed = 0

    def run(caller: tuple[str, str]) -> tuple[str, str, bool, str, float]:
        began = time.monotonic()
        well, said = fuzz(document, url, caller[1], seed, examples)
        return *caller, well, said, time.monotonic() - began

    # Beside each other: Schemathesis and the service wait for one another, so one caller leaves cores idle.
    with ThreadPoolExecutor(len(asked)) as threads:
        runs = list(threads.map(run, asked.items()))
    for name, credential, well, said, seconds in runs:
        count = re.search(r"(\d+) (?:generated|test cases?)", said)
        print(
            f"{'ok' if well else 'FAILED'}: with {name}, {count[1] if count else 'no'} cases ({seconds:.0f} s)",
            flush=True,
        )
        if not (well and count):
            failed += 1
            print(said.replace(credential, "…"), flush=True)
    if "Traceback" in (log := service.log.read_text(errors="replace")):
        failed += 1
        print(f"FAILED: the service's log has a traceback\n{log[-8000:]}")
    print(f"{len(asked) + 1 - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    run_driver(main())
