"""What commands print: text that cannot steer the terminal, JSON, and values as a person reads them."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from umbral_chat._core.cli.wrapping import TAB, hanging
from umbral_chat._core.runtime.visible import lines as text_lines
from umbral_chat._core.runtime.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

UNBOUNDED = 1 << 62
"""The width of what is no terminal."""

_SEPARATORS = re.compile("[\x85\u2028\u2029]")
"""Raw in JSON they are valid, and end a line for some of its readers."""


def clean(text: str) -> str:
    """`text` with whatever would steer the terminal, turn a line round or hide in it shown as an escape (`\\u001b`);
    line breaks of every kind are newlines, and a tab is spaces."""
    return "\n".join(visible(line, emoji=True) for line in text_lines(text)).replace("\t", TAB)


def one_line(text: str, limit: int) -> str:
    """`text` cleaned, its white space folded, cut to `limit` characters."""
    line = visible(" ".join(text.split()))
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
    # Escapes are the same JSON, and no terminal acts on them.
    return _SEPARATORS.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text.decode(), emoji=True))


def print_json(value: Any, *, lines: bool = False) -> None:
    """Print `value` as JSON: indented, or as one of JSON Lines. In UTF-8, whatever the locale says: that is what JSON
    is between programs (RFC 8259, 8.1)."""
    text = as_json(value, indent=0 if lines else 2)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


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


def say(text: Text | str, *, console: Console | None = None, indent: int = 2, style: str = "") -> None:
    """Print a line, on stdout unless another console is named. On a terminal what goes past its width, or stands behind
    a line break in `text`, begins behind `indent`: column 0 belongs to the command. `text` must be clean."""
    from rich.text import Text

    console = console or stdout()
    line = Text(text, style) if isinstance(text, str) else text
    # Without a terminal there is no width; a line stays whole.
    width = console.width if console.is_terminal else UNBOUNDED
    for part in hanging(line, width, indent):
        console.print(part, soft_wrap=True)


def notice(text: str) -> None:
    """Say on stderr what is not an error."""
    say(clean(text), console=stderr(), style="yellow")


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
    "say",
    "stderr",
    "stdout",
]
