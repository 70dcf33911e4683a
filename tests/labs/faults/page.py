"""The tables in the documentation, written between their marks by the command that saw them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from .report import FAULT_COLUMNS, fault_rows, result_rows, title
from .seeds import Done


def write(page: Path, done: Done) -> None:
    """The tables of these seeds."""
    seeds = [each.schedule.seed for each in done.verdicts]
    lines = [
        f"`make lab NAME=faults SEEDS={len(seeds)}`, {title(done.verdicts)}.",
        "",
        *table(("", ""), ((name, _figure(value)) for name, value in result_rows(done.verdicts, done.violations))),
        "",
        *table(FAULT_COLUMNS, (row.cells for row in fault_rows(done.verdicts))),
    ]
    between(page, "long run", lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """In Markdown: the first column is text, the others are figures."""
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def between(page: Path, mark: str, lines: Sequence[str]) -> None:
    """Put the lines between `<!-- mark -->` and `<!-- /mark -->`. Raises ValueError where these are not."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{page} has no {begin} … {end}")
    page.write_text("\n".join([before + begin, "", *lines, "", end + after]), "utf-8")


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


__all__ = ["between", "table", "write"]
