"""Comments are left out of what is served, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import umbral_chat_webchat
from umbral_chat_webchat.comments import without_comments

from tests.local_supabase.stack.npm import node

from .test_javascript import run

WEB = Path(str(umbral_chat_webchat.__file__)).parent / "web"
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_REGEX = re.compile(r"(?<=[(=:,])\s?/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+/")
"""A literal, as the modules write it."""
MODULES = sorted(path for path in WEB.rglob("*.js") if path.parent.name != "vendor")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("// why\nlet a = 1; // beside\n\n  // more\nlet b;\n", "let a = 1; // beside\nlet b;\n"),
        ("/** one line */\nlet a;\n", "let a;\n"),
        ("/**\n * @param {string} a */\nlet b;\n", "let b;\n"),
        ("  /* several\n\n  lines */\n.a { color: red; }\n", ".a { color: red; }\n"),
        ("/** @type {A} */ (a).b();\n", "/** @type {A} */ (a).b();\n"),
        ("/*! a licence */\nlet a;", "/*! a licence */\nlet a;\n"),
        ("let a = b\n  / c;\nlet d = '// no comment';\n", "let a = b\n  / c;\nlet d = '// no comment';\n"),
        ("", ""),
    ],
)
def test_a_comment_on_lines_of_its_own_goes(text: str, left: str) -> None:
    assert without_comments(text) == left
    assert without_comments(left) == left


def test_no_template_literal_has_several_lines() -> None:
    for path in MODULES:
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            code = _REGEX.sub("", _STRING.sub("", line))
            assert code.count("`") % 2 == 0, f"{path.name}, line {number} without comments: {line}"


def test_what_is_left_is_the_same_program(tmp_path: Path) -> None:
    """As the engine prints the functions of a module: with comments it has more to print, and nothing else."""
    for path in MODULES:
        copy = tmp_path / path.relative_to(WEB)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(without_comments(path.read_text()))
        assert len(copy.read_text()) < len(path.read_text())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    program = "for (const path of process.argv.slice(1)) new vm.SourceTextModule(fs.readFileSync(path, 'utf8'));"
    imports = "const vm = require('node:vm'), fs = require('node:fs');"
    files = [tmp_path / path.relative_to(WEB) for path in MODULES]
    run(node(), "--no-warnings", "--experimental-vm-modules", "-e", imports + program, *files, cwd=tmp_path)
