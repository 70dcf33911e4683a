"""The labs stand side by side: each may use the kit, and none another lab."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LABS = sorted(folder.name for folder in HERE.iterdir() if (folder / "__init__.py").exists())
IN_THE_SERVICE = {"serve.py", "bugs.py", "echo.py"}
"""What runs in the service's own process."""


def imported(file: Path) -> list[str]:
    """The modules that a file names in its imports, relative ones left out."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    found = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return found + [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_imports_the_kit_and_no_other_lab(lab: str) -> None:
    for file in (HERE / lab).rglob("*.py"):
        others = {name.split(".")[2] for name in imported(file) if name.startswith("tests.labs.")} - {lab, "kit"}
        assert not others, f"{file.relative_to(HERE)} imports {', '.join(sorted(others))}: what both need goes into kit"


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_imports_nothing_of_the_product_but_what_runs_in_the_service(lab: str) -> None:
    for file in (HERE / lab).rglob("*.py"):
        if file.name not in IN_THE_SERVICE:
            assert not [name for name in imported(file) if name.startswith("umbral_chat")], file.relative_to(HERE)
