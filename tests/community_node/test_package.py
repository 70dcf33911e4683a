"""The package compiles, keeps n8n's own rules for community packages, passes its tests, and its tarball is whole."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.community_node.build import PACKAGE, BuildError, copied, packed, run
from tests.local_supabase.stack.npm import npm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, compiled."""
    made = copied(tmp_path_factory.mktemp("community"))
    run(made, *npm(), "run", "build")
    return made


def test_its_own_tests_pass(package: Path) -> None:
    names = sorted(str(file.relative_to(package)) for file in (package / "tests").glob("*.test.mjs"))
    output = run(package, "node", "--test", "--test-timeout=60000", "--test-reporter=spec", *names)
    assert "ℹ fail 0" in output
    assert "ℹ pass 0" not in output
    assert "ℹ skipped 0" in output


def test_it_keeps_the_rules_of_n8n(package: Path) -> None:
    run(package, *npm(), "run", "lint")


def test_the_linter_finds_what_it_is_there_to_find(package: Path, tmp_path: Path) -> None:
    file = package / "nodes" / "UmbralChat" / "broken.ts"
    file.write_text("import { readFileSync } from 'fs';\nexport const found = readFileSync('/etc/hosts');\n")
    try:
        with pytest.raises(BuildError, match="no-restricted-imports"):
            run(package, *npm(), "run", "lint")
    finally:
        file.unlink()


def test_the_tarball_has_what_n8n_loads_and_depends_on_nothing(package: Path, tmp_path: Path) -> None:
    with tarfile.open(packed(package, tmp_path)) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    manifest = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    assert {*manifest["n8n"]["nodes"], *manifest["n8n"]["credentials"], "README.md", "LICENSE.md"} <= names
    assert {"dist/icons/umbral-chat.svg", "dist/icons/umbral-chat.dark.svg"} <= names
    assert not any("test" in name for name in names)
    assert "dependencies" not in manifest
    assert manifest["license"] == "MIT"
    assert 'version = "{}"'.format(manifest["version"]) in (PACKAGE.parents[1] / "pyproject.toml").read_text("utf-8")
