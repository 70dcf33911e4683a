"""What the documentation shows is true: its commands run, its snippets load, its links lead somewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from umbral_chat._core.plugins.boot import boot

from tests.local_supabase.stack.npm import node
from tests.ports import free_port

from .pages import PAGES, ROOT, Block, blocks, environment, same
from .session import run, service, surroundings, write

ALL = [block for page in PAGES for block in blocks(page)]
SETTINGS = "umbral-chat.toml"
"""A block that is this file is what the page's service is started with."""
LANGUAGES = {"console", "sh", "python", "toml", "json", "js", "html", "n8n", "text", ""}
_MODULE = re.compile(r'<script type="module">\n(.*?)</script>', re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def named(block: Block) -> str:
    return block.where


def of(*languages: str) -> list[Block]:
    return [block for block in ALL if block.language in languages]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="the pages' commands need curl")
@pytest.mark.parametrize("page", sorted({block.page for block in of("console")}), ids=lambda page: page.stem)
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    found = list(blocks(page))
    port = free_port()
    own = environment(page)
    environ = surroundings(tmp_path, UMBRAL_CHAT_URL=f"http://127.0.0.1:{port}")
    for block in found:
        if block.file == SETTINGS:
            write(block, tmp_path)
    with service(tmp_path, port, {**environ, **own}):
        run(found, tmp_path, environ, port)


@pytest.mark.parametrize("block", of("toml"), ids=named)
def test_settings_are_taken_by_the_loader(block: Block, tmp_path: Path) -> None:
    tables = tomllib.loads(block.text)
    if block.file not in {None, SETTINGS} or tables.keys() & {"project", "build-system", "tool"}:
        return  # a project's file: parsed
    file = tmp_path / SETTINGS
    file.write_text(block.text, encoding="utf-8")
    settings, _ = boot(file, {})
    assert settings.origins, f"{block.where} sets nothing"


@pytest.mark.parametrize("block", of("json"), ids=named)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of("python"), ids=named)
def test_python_is_python(block: Block) -> None:
    signature = block.page.name == "hooks.md"
    compile(block.text.rstrip() + ": ..." if signature else block.text, block.where, "exec", dont_inherit=True)


@pytest.mark.parametrize("block", of("js", "html"), ids=named)
def test_javascript_is_javascript(block: Block, tmp_path: Path) -> None:
    scripts = _MODULE.findall(block.text) if block.language == "html" else [block.text]
    # Of a tag alone there is nothing to check: what it loads has tests of its own.
    assert scripts or "<script>" not in block.text, block.where
    for script in scripts:
        file = tmp_path / "block.mjs"
        file.write_text(script, encoding="utf-8")
        done = subprocess.run([str(node()), "--check", str(file)], text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", of("sh"), ids=named)
def test_shell_is_shell(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_block_says_what_it_is() -> None:
    strange = {block.where: block.language for block in ALL if block.language not in LANGUAGES}
    assert not strange


def anchors(page: Path) -> set[str]:
    """The page's headings as GitHub links to them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for found in _LINK.finditer(text):
        target, _, anchor = found["target"].partition("#")
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{found['target']} is not there"
        assert file.is_relative_to(ROOT), f"{found['target']} leaves the repository"
        if anchor:
            assert anchor in anchors(file), f"{file.name} has no heading #{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        targets = (found["target"].partition("#")[0] for found in _LINK.finditer(page.read_text(encoding="utf-8")))
        ahead += [(page.parent / target).resolve() for target in targets if target and "://" not in target]
    assert set(PAGES) - seen == set()


@pytest.mark.parametrize(
    ("expected", "actual", "equal"),
    [
        ('{"a": 1}', '{"a":1}\n', True),
        ('{"a": …}', '{"a":[1,2]}', True),
        ("…", "", True),
        ('{"a": 1}', '{"a":2}', False),
        ("ab…", "xab", False),
    ],
)
def test_outputs_are_compared_with_placeholders_and_otherwise_exactly(
    expected: str, actual: str, *, equal: bool
) -> None:
    assert same(expected, actual) is equal
