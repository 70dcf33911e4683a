"""Output of the commands: text that cannot control the terminal, JSON, and values formatted for people."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from umbral_chat._core.cli.wrapping import TAB, wrap_hanging
from umbral_chat._core.runtime.visible import lines as text_lines
from umbral_chat._core.runtime.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

UNBOUNDED = 1 << 62
"""Width of output that goes to no terminal: lines are not wrapped."""

_SEPARATORS = re.compile("[\x85\u2028\u2029]")
"""Valid in JSON unescaped, and yet line ends to some parsers of JSON Lines."""


def clean(text: str) -> str:
    """`text` with control, bidirectional and invisible characters shown as escapes (`\\u001b`); line breaks of every
    kind are newlines, and a tab is spaces."""
    return "\n".join(visible(line, emoji=True) for line in text_lines(text)).replace("\t", TAB)


def one_line(text: str, limit: int) -> str:
    """`text` cleaned, each run of white space one space, cut to `limit` characters."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def counted(count: int, one: str, many: str) -> str:
    """`1 entry`, `2 entries`."""
    return f"{count} {one if count == 1 else many}"


def to_json(value: Any, *, indent: int = 0) -> str:
    """`value` as JSON: on one line, or indented."""
    import msgspec  # takes a tenth of a second, which `version` need not spend

    text = msgspec.json.encode(value)
    if indent:
        text = msgspec.json.format(text, indent=indent)
    # Escapes are the same JSON, and have no effect on a terminal.
    return _SEPARATORS.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text.decode(), emoji=True))


def print_json(value: Any, *, lines: bool = False) -> None:
    """Print `value` as JSON: indented, or on one line of JSON Lines. Always in UTF-8, whatever the locale (RFC 8259,
    8.1)."""
    text = to_json(value, indent=0 if lines else 2)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def echo(text: str) -> None:
    """Print a line on stdout and flush it, so that a pipe gets it at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stdout() -> Console:
    """A console on stdout; 160 columns wide where that is no terminal, so that a pipe gets whole rows."""
    return _console(stderr=False)


def stderr() -> Console:
    """A console on stderr: for progress, notices and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 160
    return console


def say(text: Text | str, *, console: Console | None = None, indent: int = 2, style: str = "") -> None:
    """Print a line, on stdout unless another console is given. On a terminal, what is wrapped at its width or follows a
    line break in `text` is indented by `indent` columns: column 0 is the command's own. `text` must be clean."""
    from rich.text import Text

    console = console or stdout()
    line = Text(text, style) if isinstance(text, str) else text
    # Without a terminal there is no width, and nothing is wrapped.
    width = console.width if console.is_terminal else UNBOUNDED
    for part in wrap_hanging(line, width, indent):
        console.print(part, soft_wrap=True)


def notice(text: str) -> None:
    """Print `text`, which is no error, on stderr."""
    say(clean(text), console=stderr(), style="yellow")


def local_time(value: str | None) -> datetime | None:
    """An RFC 3339 time of the service in this machine's time zone; None if `value` is not one."""
    try:
        # Python 3.11 parses "Z"; a time without a zone is in UTC, as the service writes it.
        time = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone()


def moment(value: str | None) -> str:
    """A time formatted in local time: `2026-11-22 22:06:22`; `value` itself, cleaned, if it is no time."""
    time = local_time(value)
    return time.strftime("%Y-%m-%d %H:%M:%S") if time else clean(value or "")


__all__ = [
    "clean",
    "counted",
    "echo",
    "local_time",
    "moment",
    "notice",
    "one_line",
    "print_json",
    "say",
    "stderr",
    "stdout",
    "to_json",
]
