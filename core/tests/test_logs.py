"""Nothing that a client sends can forge a log line, or do anything to the terminal that shows it."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata

import pytest
from umbral_chat._core.server.logs import INDENT, JsonFormatter, TextFormatter, escape

HOSTILE = "/a\n2026-01-01 00:00:00,000 ERROR forged: line\r\x1b[2J\x9b31m\u202egnp\u2066\u200b\u2028\x00\x7f\udc80é漢😀"
UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    told = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("acme", logging.ERROR, __file__, 1, message, args, told)


def unsafe(text: str) -> list[str]:
    return [char for char in text if unicodedata.category(char) in UNSAFE]


def test_every_unsafe_character_is_escaped_and_no_letter() -> None:
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        written = escape(char)
        if unicodedata.category(char) in UNSAFE:
            assert written != char
            assert written.isascii()
        elif unicodedata.category(char) not in {"Cn", "Mn"}:
            assert written == char


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_record_is_one_line_whatever_stands_in_it(formatter: logging.Formatter) -> None:
    line = formatter.format(record("%s failed", HOSTILE))
    assert not unsafe(line)
    assert "é漢😀" in line
    assert "\\n2026-01-01" in line
    if isinstance(formatter, JsonFormatter):
        assert json.loads(line)["message"] == f"{HOSTILE} failed"


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_what_an_error_says_cannot_look_like_a_record(formatter: logging.Formatter) -> None:
    told = record("%s", "failed", error=ValueError(HOSTILE))
    told.exc_text = HOSTILE  # as another formatter, which escapes nothing, would leave it
    first, *others = formatter.format(told).split("\n")
    assert not unsafe(first)
    assert all(line.startswith(INDENT) and not unsafe(line) for line in others)
    if isinstance(formatter, JsonFormatter):
        assert not others
        assert "ValueError" in json.loads(first)["error"]
    else:
        assert any("ValueError" in line for line in others)
