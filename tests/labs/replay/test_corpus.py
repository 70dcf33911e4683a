"""What is sent is what the files say; what is not is counted."""

from __future__ import annotations

import re
from collections import Counter

from .corpus import Line, load, parse
from .report import scripts


def parsed(text: str) -> tuple[list[tuple[Line, ...]], Counter[str]]:
    left_out: Counter[str] = Counter()
    return list(parse(text, left_out)), left_out


def test_users_and_assistants_take_turns() -> None:
    dialogues, left_out = parsed("conversations:\n- - Hello\n  - Hi\n  - How are you?\n")
    assert dialogues == [(Line("user", "Hello"), Line("assistant", "Hi"), Line("user", "How are you?"))]
    assert not left_out


def test_words_that_yaml_takes_for_something_else_stay_as_they_are_written() -> None:
    dialogues, left_out = parsed("conversations:\n- - Yes\n  - 007\n  - null\n  - 1.50\n  - 2020-01-01\n  - '22'\n")
    assert [line.content for line in dialogues[0]] == ["Yes", "007", "null", "1.50", "2020-01-01", "22"]
    assert not left_out


def test_white_space_inside_quotes_and_line_ends_are_kept() -> None:
    dialogues, _ = parsed("conversations:\n- - ' a '\n  - |\n    one\n    two\n")
    assert [line.content for line in dialogues[0]] == [" a ", "one\ntwo\n"]


def test_what_cannot_be_sent_is_left_out_and_counted() -> None:
    text = f"conversations:\n- - ok\n  - ''\n  - a: b\n  - {'x' * 32_001}\n- - ''\n- one string\n"
    dialogues, left_out = parsed(text)
    assert dialogues == [(Line("user", "ok"),)]
    assert left_out == {
        "lines that are empty": 2,
        "lines that are no text": 1,
        "lines over 32000 characters": 1,
        "dialogues without a line": 1,
        "dialogues that are no list of lines": 1,
    }


def test_a_broken_file_does_not_take_the_others_with_it() -> None:
    assert parsed("a: [") == ([], Counter({"files that are no YAML": 1}))
    assert parsed("- a") == ([], Counter({"files without a list of conversations": 1}))


def test_the_package_has_thousands_of_dialogues_with_an_id_of_their_own() -> None:
    corpus = load()
    ids = [dialogue.conversation for dialogue in corpus.dialogues]
    assert len(ids) == len(set(ids)) > 7_000
    assert all(re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", name) for name in ids)
    assert len({dialogue.language for dialogue in corpus.dialogues}) > 20


def test_scripts_are_named_by_their_share_of_the_letters() -> None:
    assert scripts(["привет привет привет hi"]) == ["Cyrillic", "Latin"]
    assert scripts(["привет" * 100, "a", "1 2 3 !"]) == ["Cyrillic"]
