"""What was sent, by language, and in which scripts."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from rich.table import Table

from .corpus import Corpus, Dialogue

SHARE = 0.02  # a script is named when this share of a language's letters is in it


def table(corpus: Corpus) -> Table:
    """Dialogues, messages, bytes and scripts of each language, most messages first."""
    by_language: defaultdict[str, list[Dialogue]] = defaultdict(list)
    for dialogue in corpus.dialogues:
        by_language[dialogue.language].append(dialogue)
    shown = Table(title="replayed and read back", title_justify="left", show_footer=True)
    rows = {language: _figures(dialogues) for language, dialogues in by_language.items()}
    totals = [f"{sum(row[column] for row in rows.values()):,}" for column in range(3)]
    shown.add_column("language", footer="all")
    for name, total in zip(["dialogues", "messages", "bytes"], totals, strict=True):
        shown.add_column(name, footer=total, justify="right")
    shown.add_column("scripts")
    for language, row in sorted(rows.items(), key=lambda item: -item[1][1]):
        texts = (line.content for dialogue in by_language[language] for line in dialogue.lines)
        shown.add_row(language, *(f"{figure:,}" for figure in row), ", ".join(scripts(texts)))
    return shown


def _figures(dialogues: list[Dialogue]) -> tuple[int, int, int]:
    lines = [line for dialogue in dialogues for line in dialogue.lines]
    return len(dialogues), len(lines), sum(len(line.content.encode()) for line in lines)


def scripts(texts: Iterable[str]) -> list[str]:
    """The scripts of the letters in `texts`, most used first, as the first word of the letters' Unicode names."""
    letters = Counter(letter for text in texts for letter in text if letter.isalpha())
    found: Counter[str] = Counter()
    for letter, times in letters.items():
        found[unicodedata.name(letter, "UNNAMED").split()[0].split("-")[0].title()] += times
    total = found.total()
    return [script for script, times in found.most_common() if times >= SHARE * total]


__all__ = ["scripts", "table"]
