"""Each change of the next release says in which package it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from .pages import ROOT

FRAGMENTS = sorted(file for file in (ROOT / "changelog.d").iterdir() if file.suffix == ".md")
PACKAGES = {
    tomllib.loads(file.read_text(encoding="utf-8"))["project"]["name"]
    for file in [ROOT / "pyproject.toml", *ROOT.glob("core/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")]
}
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
KINDS = {kind["directory"] for kind in TOOLS["towncrier"]["type"]}


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda file: file.name)
def test_a_fragment_names_its_kind_and_begins_with_its_package(fragment: Path) -> None:
    text = fragment.read_text(encoding="utf-8")
    found = re.fullmatch(r"(?:\d+|\+[\w-]+)\.(?P<kind>[a-z]+)(?:\.\d+)?\.md", fragment.name)
    assert found
    assert found["kind"] in KINDS
    package, colon, said = text.partition(": ")
    assert colon
    assert package in PACKAGES
    assert said.strip().endswith(".")
