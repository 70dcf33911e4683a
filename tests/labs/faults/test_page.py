"""Tables are written between their marks, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from .page import between, table


def test_only_what_stands_between_the_marks_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- run -->\nold\n<!-- /run -->\n\nend\n")
    between(page, "run", table(("kind", "times"), [("drop", "3"), ("", "")]))
    want = "# Page\n\n<!-- run -->\n\n| kind | times |\n| --- | ---: |\n| drop | 3 |\n|  |  |\n\n<!-- /run -->\n\nend\n"
    assert page.read_text() == want
    between(page, "run", ["new"])
    assert page.read_text() == "# Page\n\n<!-- run -->\n\nnew\n\n<!-- /run -->\n\nend\n"


def test_a_page_without_the_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    with pytest.raises(ValueError, match="run"):
        between(page, "run", [])
