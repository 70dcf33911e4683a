"""The lab and its judge import nothing of the product: they know what clients know."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.local_supabase.process import ROOT

SERVED = {"serve.py", "bugs.py"}
"""What runs inside the service's own process."""


def test_nothing_of_the_product_is_loaded_where_the_lab_runs() -> None:
    program = "import tests.labs.faults.__main__, sys; print([name for name in sys.modules if 'umbral' in name])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_only_what_is_served_imports_the_product() -> None:
    for file in Path(__file__).parent.glob("*.py"):
        found = [
            node.module or "" for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)
        ]
        if any(name.startswith("umbral_chat") for name in found):
            assert file.name in SERVED
