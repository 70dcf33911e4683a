"""The errors of the commands, how they are printed, and their exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from umbral_chat._core.cli.files import OutputFailed
from umbral_chat.errors import RequestError, UmbralChatError


class ExitCode(IntEnum):
    """Exit codes of `umbral-chat`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the service answered with an error, or a check, lines of an import or writing the output failed",
    ExitCode.USAGE: "wrong usage or invalid settings; nothing was done",
    ExitCode.UNREACHABLE: "no service answers at the URL",
    ExitCode.INTERRUPTED: "interrupted, or a question was answered with no",
}
"""Their meanings in `docs/reference/cli.md`."""


class Unreachable(UmbralChatError):
    """No service answered: the connection was refused or lost, or no answer came in time."""

    retry_after = None

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No service answers at {url}: {reason}")
        self.url = url
        self.reason = reason


class Problem(UmbralChatError):
    """The service answered with problem details (RFC 9457), or with something else that is no success."""

    def __init__(
        self, status: int, title: str, detail: str = "", code: str = "", retry_after: float | None = None, **extra: Any
    ) -> None:
        super().__init__(f"{status} {code or title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.code = code
        self.retry_after = retry_after
        self.extra: Mapping[str, Any] = extra

    @property
    def passing(self) -> bool:
        """Whether the error is transient: the same request may succeed later."""
        return self.status in {429, 502, 503, 504}


class AnotherService(Problem):
    """The server at the URL is no Umbral Chat service: no such service gives this answer."""

    def __init__(self, status: int, url: str, reason: str) -> None:
        super().__init__(status, f"This is not an Umbral Chat service: {url}", reason)


MENDS = {
    "unauthorized": "Pass --key, or set UMBRAL_CHAT_KEY to one of the service's keys.",
    "token_expired": "Issue a new token with `umbral-chat token`.",
    "forbidden": "Use a key that has this right (`core.keys` in the service's settings).",
    "idempotency_conflict": "Give the new message its own --client-id, or none.",
    "cursor_expired": "Start over with --after 0.",
    "conversation_deleted": "Retrying does not help; POST /v1/conversations makes it anew.",
    "conversation_not_found": "`umbral-chat conversations` lists those that exist; the first message makes one.",
    "route_not_found": "`umbral-chat status` lists what that installation lacks (missing).",
    "realtime_disabled": "Remove realtime.enabled = false from the service's settings, and restart it.",
    "rate_limited": "Wait as long as the service asks, or use a service key.",
    "history_unavailable": "The service cannot reach its database now: run `umbral-chat doctor`.",
}
"""What a user of the command line can do about a problem, by its code."""


def mend(error: UmbralChatError) -> str | None:
    """What to do about `error`; None where that is not known."""
    if isinstance(error, Unreachable):
        return "Start one with `umbral-chat serve`, or pass another URL with --url or UMBRAL_CHAT_URL."
    if isinstance(error, OutputFailed):
        return "Free some space there, or write elsewhere."
    if not isinstance(error, Problem):
        return None
    if known := MENDS.get(error.code):
        return known
    if not error.code:
        return "Another server, or a proxy, answers there: check --url and UMBRAL_CHAT_URL."
    return None


def exit_code(error: BaseException) -> ExitCode | None:
    """The exit code of an expected error; None for any other, which is shown with its traceback."""
    match error:
        case Unreachable():
            return ExitCode.UNREACHABLE
        case Problem() | RequestError() | OutputFailed():
            return ExitCode.FAILED
        case UmbralChatError():
            return ExitCode.USAGE
        case _:
            return None


def print_error(error: BaseException) -> None:
    """Print on stderr what went wrong and what to do about it."""
    from umbral_chat._core.cli.output import clean, say, stderr

    details: list[str] = []
    if isinstance(error, Problem):
        first = f"{error.title} ({error.status}{f' {error.code}' if error.code else ''})"
        details += [error.detail] if error.detail else []
        named = {name: error.extra[name] for name in ("field", "limit") if error.extra.get(name) is not None}
        details += [f"{name}: {value}" for name, value in named.items()]
    else:
        first = str(error)
    console = stderr()
    say(clean(f"✗ {first}"), console=console, style="bold red")
    for detail in details:
        say(clean(f"  {detail}"), console=console)
    if isinstance(error, UmbralChatError) and (hint := mend(error)):
        say(clean(f"→ {hint}"), console=console)


__all__ = [
    "MEANINGS",
    "MENDS",
    "AnotherService",
    "ExitCode",
    "Problem",
    "Unreachable",
    "exit_code",
    "mend",
    "print_error",
]
