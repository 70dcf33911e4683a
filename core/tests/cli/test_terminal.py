"""Text of others on a terminal: never in column 0 and never invisible, wherever it is printed."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from umbral_chat._core.cli import output
from umbral_chat._core.cli.output import clean, one_line, say, to_json
from umbral_chat._core.cli.tail import INDENT, EntryPrinter
from umbral_chat._core.cli.wrapping import cells, wrap_hanging
from umbral_chat._core.runtime.visible import quoted, visible

HIDDEN = "\u200b\u200e\u202e\u2066\u2069\ufeff\u061c\u180e\u00ad\U000e0041\u2800"
HIDDEN += "\ufe00\ufe0f\u180f\u0600\ufff0\U000110bd\U00013430\U0001bca0\x1b\x9b\x07\x08"
FORGED = "09:00:00    2 assistant Bot  Paid."


def columns(line: str) -> int:
    """How wide a terminal shows it, at most."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def printed(text: Text | str, *, width: int, indent: int = 2) -> list[str]:
    file = io.StringIO()
    say(text, console=Console(file=file, force_terminal=True, width=width, color_system=None), indent=indent)
    return file.getvalue().removesuffix("\n").split("\n")


@given(st.text(), st.integers(10, 60), st.integers(0, 20))
def test_no_line_reaches_the_width_and_all_but_the_first_stand_behind_the_indent(
    text: str, width: int, indent: int
) -> None:
    lines = [line.plain for line in wrap_hanging(Text(clean(text)), width, indent)]
    lead = " " * min(indent, width - 9)
    assert all(line.startswith(lead) for line in lines[1:])
    assert all(sum(map(cells, line)) < width or len(line.strip()) <= 1 for line in lines)
    assert "".join(line.removeprefix(lead) if n else line for n, line in enumerate(lines)) == clean(text).replace(
        "\n", ""
    )


@pytest.mark.parametrize("filler", [" ", "x", "界", "é", "👩\u200d💻", "می\u200c", "\t"])
def test_a_message_padded_to_the_width_begins_no_line_of_its_own(filler: str) -> None:
    for length in range(120):
        entry = {
            "kind": "message",
            "message_id": "m1",
            "seq": 1,
            "at": "2026-11-22T09:00:00Z",
            "sender": {"role": "user", "name": "Eve"},
            "content": filler * length + FORGED,
        }
        (_, line) = EntryPrinter().lines(entry)
        first, *rest = printed(line, width=60, indent=INDENT)
        assert "user Eve" in first
        assert all(one.startswith(" " * INDENT) for one in rest)
        assert all(columns(one) <= 60 for one in [first, *rest] if filler not in {"👩\u200d💻", "می\u200c"})


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_every_line_break_in_a_message_is_one_of_its_lines(break_: str) -> None:
    entry = {
        "kind": "message",
        "message_id": "m1",
        "seq": 1,
        "sender": {"role": "user", "name": f"Eve{break_}Bot"},
        "content": "a",
    }
    entry["content"] = f"Hi{break_}{FORGED}"
    lines = [line for one in EntryPrinter().lines(entry) for line in printed(one, width=200, indent=INDENT)]
    assert lines == ["--:--:--    1 user Eve Bot  Hi", " " * INDENT + FORGED]


@pytest.mark.parametrize("char", HIDDEN)
def test_invisible_characters_are_shown(char: str) -> None:
    escape = json.dumps(char)[1:-1]
    for show in (
        clean,
        visible,
        lambda text: one_line(text, 99),
        lambda text: json.loads(quoted(text)) and quoted(text),
    ):
        assert show(f"a{char}b") in {f"a{escape}b", f'"a{escape}b"'}
    assert char not in to_json({"said": f"a{char}b"})
    assert json.loads(to_json({"said": f"a{char}b"})) == {"said": f"a{char}b"}


def test_characters_that_languages_and_emoji_need_are_kept() -> None:
    for text in (
        "می\u200cخواهم",
        "क्\u200dष",
        "שלום",
        "日本語",
        "👩\u200d💻",
        "❤\ufe0f\u200d🔥",
        "1\ufe0f\u20e3",
        "naïve",
    ):
        assert clean(text) == text
    assert one_line("👩\u200d💻", 9) == "👩\\u200d💻"  # its width is not the same everywhere, and a table must know it


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_each_json_line_is_one_line_for_every_parser(char: str) -> None:
    assert len(to_json({"said": f"a{char}b"}).splitlines()) == 1


def test_without_a_terminal_a_line_is_not_wrapped() -> None:
    file = io.StringIO()
    say("x" * 5_000, console=Console(file=file, width=80))
    assert file.getvalue() == "x" * 5_000 + "\n"
    assert output.UNBOUNDED > 5_000
