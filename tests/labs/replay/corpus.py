"""The dialogues that the package chatterbot-corpus ships as YAML: what can be sent, and what was left out and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import yaml

CONTENT_CHARS = 32_000  # the service's own bound by default

# Every scalar is kept as it is written: to YAML's schema `- Yes` is a boolean and `- 22` a number, here it is a line.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Line(NamedTuple):
    """One message."""

    role: str
    content: str


class Dialogue(NamedTuple):
    """Lines of one dialogue; user and assistant take turns."""

    conversation: str
    """The id that it gets in the service."""
    language: str
    lines: tuple[Line, ...]


class Corpus(NamedTuple):
    """All there is to send, and how often something was left out, by reason."""

    dialogues: list[Dialogue]
    left_out: Counter[str]


def load(prefix: str = "demo") -> Corpus:
    """Read the installed package; raises importlib.metadata.PackageNotFoundError without it."""
    files = [file for file in distribution("chatterbot-corpus").files or [] if file.suffix in {".yml", ".yaml"}]
    dialogues: list[Dialogue] = []
    left_out: Counter[str] = Counter()
    for file in sorted(files, key=str):
        language, topic = file.parts[-2], file.stem
        text = Path(str(file.locate())).read_text("utf-8")
        for number, lines in enumerate(parse(text, left_out), start=1):
            conversation = f"{prefix}.{_slug(language)}.{_slug(topic)}.{number:04}"
            dialogues.append(Dialogue(conversation, language, lines))
    return Corpus(dialogues, left_out)


def parse(text: str, left_out: Counter[str]) -> Iterator[tuple[Line, ...]]:
    """The dialogues of one file. Nothing is mended: what is no line of a dialogue is counted in `left_out`."""
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - the base loader makes strings, lists and dicts only
    except yaml.YAMLError:
        left_out["files that are no YAML"] += 1
        return
    conversations = document.get("conversations") if isinstance(document, dict) else None
    if not isinstance(conversations, list):
        left_out["files without a list of conversations"] += 1
        return
    for conversation in conversations:
        if not isinstance(conversation, list):
            # Mostly a dash that is missing in the file, so that YAML reads all lines as one.
            left_out["dialogues that are no list of lines"] += 1
            continue
        contents = [line for line in conversation if _sendable(line, left_out)]
        if contents:
            yield tuple(Line("assistant" if turn % 2 else "user", line) for turn, line in enumerate(contents))
        else:
            left_out["dialogues without a line"] += 1


def _sendable(line: object, left_out: Counter[str]) -> bool:
    if not isinstance(line, str):
        left_out["lines that are no text"] += 1
    elif not line:
        left_out["lines that are empty"] += 1
    elif len(line) > CONTENT_CHARS:
        left_out[f"lines over {CONTENT_CHARS} characters"] += 1
    else:
        return True
    return False


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


__all__ = ["CONTENT_CHARS", "Corpus", "Dialogue", "Line", "load", "parse"]
