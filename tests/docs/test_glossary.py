"""Classes are named by words of the glossary, or by nouns of the field that are listed with their source."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .pages import ROOT

GLOSSARY = ROOT / "docs" / "explanation" / "glossary.md"
FIELD_NOUNS = Path(__file__).with_name("field_nouns.toml")
SOURCES = sorted([ROOT / "core" / "src", *ROOT.glob("plugins/*/src")])

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Named(NamedTuple):
    """A public class."""

    name: str
    package: str
    where: str


def noun(name: str) -> str:
    """The last word of a class's name, in lower case."""
    words: list[str] = _WORD.findall(name)
    return words[-1].lower()


def forms(word: str) -> set[str]:
    """The word, and what it is the plural of, if it is one."""
    found = {word}
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.add(word[:-1])
    if word.endswith(("ches", "shes", "sses", "xes")):
        found.add(word[:-2])
    if word.endswith("ies"):
        found.add(word[:-3] + "y")
    return found


def classes() -> Iterator[Named]:
    """Every class whose name has no leading underscore. Nothing is imported."""
    for source in SOURCES:
        for file in sorted(source.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    package = file.relative_to(source).parts[0]
                    yield Named(node.name, package, f"{file.relative_to(ROOT)}:{node.lineno}")


def glossary() -> set[str]:
    """Of each word in the first column of the page's tables, its last part: of *shared store*, `store`."""
    cells = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text("utf-8"), re.MULTILINE)
    words = [word for cell in cells for word in cell.split(", ") if word not in {"---", "word"}]
    return {word.split()[-1].lower() for word in words} | {word.lower() for word in words}


def field_nouns() -> dict[str, str]:
    """Noun and source."""
    return tomllib.loads(FIELD_NOUNS.read_text("utf-8"))


def test_every_class_is_named_by_a_word_that_is_explained_or_has_a_source() -> None:
    known = glossary() | field_nouns().keys()
    unknown: defaultdict[str, list[Named]] = defaultdict(list)
    for each in classes():
        if not forms(noun(each.name)) & known:
            unknown[noun(each.name)].append(each)
    said = [
        f"{word}: rename {' and '.join(f'{each.name} ({each.where})' for each in some)} by a term of the field; "
        f'or add `{word} = "its source"` to {FIELD_NOUNS.relative_to(ROOT)}; '
        f"or, for a word of our own, the row `| {word} | its meaning |` to {GLOSSARY.relative_to(ROOT)}"
        for word, some in sorted(unknown.items())
    ]
    assert not said, f"{len(said)} nouns have neither a source nor a meaning:\n" + "\n".join(said)


def test_a_noun_that_names_classes_of_several_packages_is_in_the_glossary() -> None:
    """Homonyms are where two packages mean two things by one word."""
    found: defaultdict[str, list[Named]] = defaultdict(list)
    for each in classes():
        found[min(forms(noun(each.name)), key=len)].append(each)
    known = glossary()
    said = []
    for word, some in sorted(found.items()):
        packages = {each.package: each for each in some}
        if len(packages) > 1 and not known & {word, *(noun(each.name) for each in some)}:
            names = " and ".join(f"{each.name} ({each.where})" for each in packages.values())
            said.append(
                f"{word} names {names}: add the row `| {word} | its meaning |` to {GLOSSARY.relative_to(ROOT)}, "
                "or give one of them another name"
            )
    assert not said, f"{len(said)} nouns are used by several packages:\n" + "\n".join(said)


def test_every_field_noun_has_a_source_and_none_is_in_the_glossary_too() -> None:
    assert not [word for word, source in field_nouns().items() if len(source) < 3 or word != word.lower()]
    both = field_nouns().keys() & glossary()
    assert not both, f"a word has one meaning: take {sorted(both)} out of {FIELD_NOUNS.relative_to(ROOT)}"


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("EncodedEntry", "entry"),
        ("ToggleHint", "hint"),
        ("Jwks", "jwks"),
        ("HTTPServer", "server"),
        ("ServerSSE", "sse"),
        ("Http1", "1"),
        ("Bus", "bus"),
    ],
)
def test_the_noun_of_a_name_is_its_last_word(name: str, last: str) -> None:
    assert noun(name) == last


def test_plurals_are_known_by_their_singular() -> None:
    assert "policy" in forms("policies")
    assert "claim" in forms("claims")
    assert "switch" in forms("switches")
    assert forms("status") == {"status"}
