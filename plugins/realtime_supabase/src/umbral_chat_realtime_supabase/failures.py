"""The meaning of a failed call: a message with its mend, and whether it may be retried."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Literal

import httpx
from postgrest.exceptions import APIError

Again = Literal["always", "safe", "never"]
"""When to retry: always, since the call was certainly not executed; only if it is safe to execute it twice; never."""

Reason = Literal[
    "unreachable", "timeout", "lost", "key", "rights", "schema", "paused", "limited", "slow", "read_only", "busy",
    "server", "rejected", "garbled",
]  # fmt: skip

FATAL: frozenset[Reason] = frozenset({"key", "rights", "schema"})
"""Reasons that waiting does not mend: a start fails at once."""

_RETRY_AFTER_LIMIT = 5.0
"""Longest `Retry-After` that is obeyed, in seconds. A longer one is taken as this."""


@dataclass(frozen=True)
class Failure:
    """One failed attempt."""

    reason: Reason
    detail: str
    again: Again = "never"
    pause: float | None = None
    """Seconds to wait, by the server's `Retry-After`."""


_MIGRATE = "Run `umbral-chat supabase migrate`"

NO_FREE_CONNECTION = Failure("busy", "Every connection to Supabase is in use (supabase.connections).")
"""The limit is this instance's own, not the server's."""

_BY_CODE: dict[str, Failure] = {
    # PostgREST's own, see https://docs.postgrest.org/en/stable/references/errors.html
    **dict.fromkeys(
        ("PGRST000", "PGRST001", "PGRST002", "PGRST003"),
        Failure("busy", "Supabase's API has no connection to its database free.", "always"),
    ),
    **dict.fromkeys(
        ("PGRST202", "PGRST205", "42883", "42P01", "3F000"),
        Failure(
            "schema",
            f"The project's database lacks Umbral Chat's tables or functions. {_MIGRATE}; if that was done just now, "
            "`notify pgrst, 'reload schema'` makes the API see it.",
        ),
    ),
    **dict.fromkeys(
        ("PGRST300", "PGRST301", "PGRST302", "PGRST303"),
        Failure("key", "Supabase refuses the key. Set supabase.key to the project's secret key (sb_secret_…)."),
    ),
    # PostgreSQL's SQLSTATE
    "42501": Failure(
        "rights",
        "This key has no right to Umbral Chat's functions. Set supabase.key to the project's secret key (sb_secret_…), "
        "not to the publishable one.",
    ),
    "57014": Failure("slow", "The database ended the call at its statement timeout."),
    "25006": Failure("read_only", "The project's database is read-only now, as when its disk is full."),
    **dict.fromkeys(
        ("40001", "40P01", "55P03"), Failure("busy", "The database let another transaction go first.", "always")
    ),
    **dict.fromkeys(
        ("53000", "53100", "53200", "53300", "53400"),
        Failure("busy", "The project's database is out of connections, memory or disk.", "always"),
    ),
    **dict.fromkeys(
        ("57P01", "57P02", "57P03", "08000", "08003", "08006", "08001"),
        Failure("server", "The project's database is restarting.", "safe"),
    ),
}

_BY_STATUS: dict[int, Failure] = {
    401: Failure("key", "Supabase refuses the key. Set supabase.key to the project's secret key (sb_secret_…)."),
    403: Failure("rights", "Supabase refuses the call. Is supabase.key the project's secret key (sb_secret_…)?"),
    404: Failure("schema", f"Supabase's API does not know what is asked for. Is supabase.url right? {_MIGRATE}."),
    429: Failure("limited", "Supabase answers that there are too many requests (429).", "always"),
    540: Failure("paused", "The Supabase project is paused. Restore it in the dashboard."),
}


def failure(error: Exception, url: str, response: httpx.Response | None = None) -> Failure:
    """The meaning of `error`, raised by a call of `url`. `response` is the server's, if there was one."""
    if isinstance(error, httpx.HTTPError):
        return _transport(error, url)
    if isinstance(error, APIError):
        return _api_error(error, response)
    if isinstance(error, TimeoutError):
        return _timed_out(url)
    return Failure(
        "garbled", f"The answer is not one of Supabase's API ({type(error).__name__}). Is {url} right?", "safe"
    )


def _transport(error: httpx.HTTPError, url: str) -> Failure:
    if isinstance(error, httpx.ConnectError) and _unknown_host(error):
        host = httpx.URL(url).host
        if host.endswith((".supabase.co", ".supabase.in")):
            return Failure(
                "paused",
                f"{host} does not exist: the project is paused or deleted, or supabase.url is misspelled.",
                "always",
            )
        return Failure("unreachable", f"The name {host} cannot be resolved. Is supabase.url right?", "always")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Failure("unreachable", f"{url} cannot be reached.", "always")
    if isinstance(error, httpx.PoolTimeout):
        return NO_FREE_CONNECTION
    if isinstance(error, httpx.TimeoutException):
        return _timed_out(url)
    return Failure("lost", f"The connection to {url} broke before the answer arrived.", "safe")


def _timed_out(url: str) -> Failure:
    return Failure("timeout", f"{url} did not answer in time (supabase.timeout).", "safe")


def _api_error(error: APIError, response: httpx.Response | None) -> Failure:
    status = 0 if response is None else response.status_code
    # A database's message may contain text of a chat: only the code is passed on.
    if (known := _BY_CODE.get(error.code or "")) is not None:
        return known
    if status == 429:
        found = _BY_STATUS[429]
        return Failure(found.reason, found.detail, found.again, _retry_after(response))
    if (known := _BY_STATUS.get(status)) is not None:
        return known
    if status >= 500:
        return Failure(
            "server", f"Supabase answers with an error of its own ({status}).", "safe", _retry_after(response)
        )
    return Failure("rejected", f"Supabase rejects the call ({error.code or status}).")


def _unknown_host(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(response: httpx.Response | None) -> float | None:
    text = "" if response is None else response.headers.get("Retry-After", "")
    return min(float(text), _RETRY_AFTER_LIMIT) if text.isascii() and text.isdigit() else None


__all__ = ["FATAL", "NO_FREE_CONNECTION", "Again", "Failure", "Reason", "failure"]
