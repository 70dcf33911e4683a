"""What goes wrong for a command, how it is shown, and which exit code it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from umbral_chat._core.cli.files import OutputFailed
from umbral_chat.errors import RequestError, UmbralChatError


class ExitCode(IntEnum):
    """How a command ends."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the service answered with a problem, a check or lines of an import failed, or output has no room",
    ExitCode.USAGE: "wrong usage or wrong settings; nothing was done",
    ExitCode.UNREACHABLE: "no service answers at the URL",
    ExitCode.INTERRUPTED: "interrupted, or a question was answered with no",
}
"""What `docs/reference/cli.md` says of each."""


class Unreachable(UmbralChatError):
    """No service answered: the connection was refused, lost, or stayed silent."""

    retry_after = None

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No service answers at {url}: {reason}")
        self.url = url
        self.reason = reason


class Problem(UmbralChatError):
    """The service answered with a problem (RFC 9457), or with something that is no answer of ours."""

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
        """Whether the same request may succeed in a while."""
        return self.status in {429, 502, 503, 504}


class AnotherService(Problem):
    """What answers is no Umbral Chat service: it says nothing that one would say."""

    def __init__(self, status: int, url: str, reason: str) -> None:
        super().__init__(status, f"This is not an Umbral Chat service: {url}", reason)


MENDS = {
    "unauthorized": "Pass --key, or set UMBRAL_CHAT_KEY to one of the service's keys.",
    "token_expired": "Issue a new token with `umbral-chat token`.",
    "forbidden": "Use a key that has this right (`core.keys` in the service's settings).",
    "idempotency_conflict": "Give the new message its own --client-id, or none.",
    "cursor_expired": "Start over with --after 0.",
    "conversation_deleted": "POST /v1/conversations makes it anew; readers and senders need not try again.",
    "conversation_not_found": "`umbral-chat conversations` lists what there is; the first message makes one.",
    "route_not_found": "See what that installation lacks: `umbral-chat status` (missing).",
    "realtime_disabled": "Remove realtime.enabled = false from the service's settings, and restart it.",
    "rate_limited": "Wait as long as the service asks, or send with a service key.",
    "history_unavailable": "The service cannot reach its database now: `umbral-chat doctor` says more.",
}
"""What a person at the command line can do about a problem, by its code."""


def mend(error: UmbralChatError) -> str | None:
    """What to do about it, where that is known."""
    if isinstance(error, Unreachable):
        return "Start one with `umbral-chat serve`, or name another with --url or UMBRAL_CHAT_URL."
    if isinstance(error, OutputFailed):
        return "Make room there, or write to another place."
    if not isinstance(error, Problem):
        return None
    if known := MENDS.get(error.code):
        return known
    if not error.code:
        return "Something else answers there, or stands in front of it: check --url and UMBRAL_CHAT_URL."
    return None


def exit_code(error: BaseException) -> ExitCode | None:
    """The exit code of an expected error; None for one that nobody expected, which keeps its traceback."""
    match error:
        case Unreachable():
            return ExitCode.UNREACHABLE
        case Problem() | RequestError() | OutputFailed():
            return ExitCode.FAILED
        case UmbralChatError():
            return ExitCode.USAGE
        case _:
            return None


def show(error: BaseException) -> None:
    """Say on stderr what went wrong and what mends it."""
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


__all__ = ["MEANINGS", "MENDS", "AnotherService", "ExitCode", "Problem", "Unreachable", "exit_code", "mend", "show"]
