"""What is served of the client's files: names with hashes, and imports that stay within one version."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath

import pytest
from umbral_chat_webchat import Assets, load
from umbral_chat_webchat.assets import assets_of

IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?["'](\.[^"']+)["'];""", re.MULTILINE)
SOURCES = {
    "umbral-chat.js": b'export * from "./umbral-chat/index.js";\n',
    "umbral-chat.d.ts": b"export {};\n",
    "umbral-chat/index.js": b'export { a } from "./edges/a.js";\n',
    "umbral-chat/edges/a.js": b"export const a = 1;\n",
}


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load()


def test_every_import_of_every_file_is_served(assets: Assets) -> None:
    seen = 0
    for path, asset in assets.files.items():
        if path.endswith(".js"):
            for target in IMPORT.findall(asset.body.decode()):
                assert normpath(join(dirname(path), target)) in assets.files, f"{path} imports {target}"
                seen += 1
    assert seen > 40


def test_all_modules_are_immutable_and_of_one_version(assets: Assets) -> None:
    modules = [path for path in assets.files if "/" in path]
    assert len(modules) > 15
    assert {path.partition("/")[0] for path in modules} == {f"umbral-chat.{assets.version}"}
    assert all("immutable" in assets.files[path].cache_control for path in modules)


def test_the_entry_is_there_under_both_names(assets: Assets) -> None:
    plain, hashed = assets.files["umbral-chat.js"], assets.files[f"umbral-chat.{assets.version}.js"]
    assert plain.body == hashed.body
    assert "no-cache" in plain.cache_control
    assert "immutable" in hashed.cache_control


def test_the_entry_names_every_module_so_that_none_waits_for_another(assets: Assets) -> None:
    named = {normpath(target) for target in IMPORT.findall(assets.files["umbral-chat.js"].body.decode())}
    assert named == {path for path in assets.files if "/" in path}


@pytest.mark.parametrize("path", ["umbral-chat.js", "umbral-chat/edges/a.js"])
def test_a_change_of_any_module_changes_every_name(path: str) -> None:
    before, after = assets_of(SOURCES), assets_of({**SOURCES, path: SOURCES[path] + b"// more\n"})
    assert before.version != after.version
    assert set(before.files) & set(after.files) == {"umbral-chat.js", "umbral-chat.d.ts"}
    assert before.files["umbral-chat.js"].etag != after.files["umbral-chat.js"].etag
