"""What commands print: text that cannot steer the terminal, JSON, and values as a person reads them."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# C0 without newline and tab, DEL, and C1: what a terminal takes as a command. U+009B alone begins one (CSI).
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Valid JSON may hold these as they are; written as escapes they are the same JSON and no terminal acts on them.
_UNESCAPED = re.compile(r"[\x7f-\x9f]")


def clean(text: str) -> str:
    """`text` without the control characters that would steer a terminal; newline and tab stay."""
    return _CONTROLS.sub("", text)


def one_line(text: str, limit: int) -> str:
    """`text` cleaned, its white space folded, cut to `limit` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def counted(count: int, one: str, many: str) -> str:
    """`1 entry`, `2 entries`."""
    return f"{count} {one if count == 1 else many}"


def as_json(value: Any, *, indent: int = 0) -> str:
    """`value` as JSON: on one line, or indented."""
    import msgspec  # a tenth of a second that `version` need not wait for

    text = msgspec.json.encode(value)
    if indent:
        text = msgspec.json.format(text, indent=indent)
    return _UNESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text.decode())


def print_json(value: Any, *, lines: bool = False) -> None:
    """Print `value` as JSON: indented, or as one of JSON Lines."""
    echo(as_json(value, indent=0 if lines else 2))


def echo(text: str) -> None:
    """Print a line on stdout and flush, so that a pipe sees it at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stdout() -> Console:
    """A console on stdout; wide when nobody's terminal limits it, so that a pipe gets whole rows."""
    return _console(stderr=False)


def stderr() -> Console:
    """A console on stderr, for what is not data: progress, notices, errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 160
    return console


def notice(text: str) -> None:
    """Say on stderr what is not an error."""
    stderr().print(clean(text), style="yellow", soft_wrap=True)


def local_time(value: str | None) -> datetime | None:
    """An RFC 3339 time of the service as this machine's local time; None for what is none."""
    try:
        # Python 3.11 reads "Z"; a time without a zone is the service's, hence UTC.
        time = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone()


def moment(value: str | None) -> str:
    """A time as a person reads it, in local time: `2026-11-22 22:06:22`."""
    time = local_time(value)
    return time.strftime("%Y-%m-%d %H:%M:%S") if time else clean(value or "")


__all__ = [
    "as_json",
    "clean",
    "counted",
    "echo",
    "local_time",
    "moment",
    "notice",
    "one_line",
    "print_json",
    "stderr",
    "stdout",
]
