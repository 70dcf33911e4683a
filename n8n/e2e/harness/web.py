"""Plain HTTP over the loopback without proxy and retries, and waiting with a timeout."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from n8n.e2e.harness.process import HarnessError

# n8n tries a failing node three times, two seconds apart: an error takes that long.
CALL_LIMIT = 60.0


@dataclass(frozen=True)
class Answer:
    """The status, and the body as JSON (None if it is not JSON)."""

    status: int
    body: Any


def call(port: int, method: str, path: str, body: object = None, *, authorization: str | None = None) -> Answer:
    """One request to 127.0.0.1. Raises OSError if there is no answer."""
    headers = {"Authorization": authorization} if authorization else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_LIMIT)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    try:
        return Answer(response.status, json.loads(text))
    except ValueError:
        return Answer(response.status, None)


def wait_until(what: str, ready: Callable[[], bool], *, limit: float, alive: Callable[[], bool]) -> None:
    """Call `ready` until it returns True. Raises HarnessError after `limit` seconds, or when the process has ended."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if not alive():
            raise HarnessError(f"{what}: the process has ended")
        try:
            if ready():
                return
        except (OSError, http.client.HTTPException):
            pass  # not listening yet
        time.sleep(0.2)
    raise HarnessError(f"{what}: not within {limit:.0f} s")


def until(wanted: Callable[[], bool], what: str, limit: float = 90.0) -> None:
    """Wait until it is so, in a test. Raises AssertionError with `what` after `limit` seconds."""
    end = time.monotonic() + limit
    while not wanted():
        assert time.monotonic() < end, what
        time.sleep(0.1)
