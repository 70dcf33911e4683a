"""The pages, and the fenced blocks in them.

The tests treat a block by its language:

- `console`: lines that begin with `$ ` are run by bash, one session a page, with a service at the default URL. What
  follows a command is its output: white space does not count, `…` stands for anything.
- `python`: run as a program beside the page's service; or, when its first line is `# some/file.py`, written there.
- `toml`: settings, read by the service's own loader; with `# some/file.toml` in front, written there, and parsed.
- `js`: a module; Node checks its syntax. A test of the page's own runs it. `html`: Node checks its module scripts, and
  the browser lab opens it.
- `n8n`: a request as expressions: method and URL, and the body. The end-to-end test sends it from a real n8n.
- `json`: parsed. `sh`: shown and not run; its syntax is checked.

A page may say `<!-- serve: NAME=value NAME=value -->` for the environment of its service.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(
            ROOT / name
            for name in (
                "README.md",
                "CHANGELOG.md",
                "CONTRIBUTING.md",
                "n8n/README.md",
                "n8n/nodes/README.md",
                "tests/README.md",
            )
        ),
        *(ROOT / "docs").rglob("*.md"),
    ]
)

_FENCE = re.compile(r"^```(?P<language>[\w-]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^# (?P<file>[\w./-]+\.(?:py|toml))\n")
_SERVE = re.compile(r"<!-- serve: (?P<environment>.*?) -->", re.DOTALL)


class Command(NamedTuple):
    """One command of a console, with the output that the page shows after it."""

    text: str
    output: str


@dataclass(frozen=True)
class Block:
    """One fenced block. `file` is the path to write it to, if it names one."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The path to write its text to; None if it names none."""
        found = _FILE.match(self.text)
        return found["file"] if found else None

    @property
    def commands(self) -> list[Command]:
        """The commands of a console with their outputs."""
        found: list[tuple[list[str], list[str]]] = []
        continued = False
        for line in self.text.splitlines():
            if continued:
                found[-1][0].append(line)
            elif line.startswith("$ "):
                found.append(([line.removeprefix("$ ")], []))
            else:
                assert found, f"{self.where}: a console begins with a command"
                found[-1][1].append(line)
                continue
            continued = line.endswith("\\")
        return [Command("\n".join(command), "\n".join(output)) for command, output in found]

    @property
    def where(self) -> str:
        """Page and line, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The page's blocks in order."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["text"])


def environment(page: Path) -> dict[str, str]:
    """The environment that the page sets for its service."""
    found = _SERVE.search(page.read_text(encoding="utf-8"))
    return dict(pair.split("=", 1) for pair in shlex.split(found["environment"])) if found else {}


def same(expected: str, actual: str) -> bool:
    """Whether an output is as the page shows it: without white space, `…` for anything."""
    parts = ("".join(part.split()) for part in expected.split("…"))
    return re.fullmatch(".*".join(map(re.escape, parts)), "".join(actual.split()), re.DOTALL) is not None


__all__ = ["PAGES", "ROOT", "Block", "Command", "blocks", "environment", "same"]
