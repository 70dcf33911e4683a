"""What is served of the client's files: names with hashes, and imports that stay within one version."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath

import pytest
from umbral_chat_webchat import Assets, load
from umbral_chat_webchat.assets import COMPANION, EMBED, ENTRIES, ENTRY, FOLDERS, assets_of

IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?["'](\.[^"']+)["'];""", re.MULTILINE)
SOURCES = {
    "umbral-chat.js": b'export * from "./umbral-chat/index.js";\n',
    "umbral-chat.d.ts": b"export {};\n",
    "umbral-chat-n8n.js": b'export * from "./umbral-chat/n8n/attach.js";\n',
    "umbral-chat-n8n.d.ts": b"export {};\n",
    "umbral-chat/n8n/attach.js": b"export const b = 1;\n",
    "umbral-chat/index.js": b'export { a } from "./edges/a.js";\n',
    "umbral-chat/edges/a.js": b"export const a = 1;\n",
    "umbral-chat-ui.js": b'export * from "./umbral-chat-ui/index.js";\n',
    "umbral-chat-ui.d.ts": b"export {};\n",
    "umbral-chat-ui/index.js": b"export const c = 1;\n",
    "umbral-chat-ui/pages/p.js": (
        b'import { a } from "../../umbral-chat/index.js";\nimport { c } from "../index.js";\n'
        b'const later = () => import("../late.js");\n'
    ),
    "umbral-chat-ui/late.js": b"export {};\n",
    "umbral-chat-embed.js": b'const chat = import("./umbral-chat-ui/late.js");\n',
    "umbral-chat-embed.d.ts": b"export {};\n",
    "umbral-chat-ui/ui.css": b".a { color: red; }\n",
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
    assert {path.partition("/")[0] for path in modules} == {f"{name}.{assets.version}" for name in FOLDERS}
    assert all("immutable" in assets.files[path].cache_control for path in modules)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_there_under_both_names(assets: Assets, name: str) -> None:
    plain, hashed = assets.files[f"{name}.js"], assets.files[f"{name}.{assets.version}.js"]
    assert plain.body == hashed.body
    assert "no-cache" in plain.cache_control
    assert "immutable" in hashed.cache_control
    assert f"{name}.d.ts" in assets.files


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != EMBED])
def test_an_entry_names_every_module_that_it_needs_so_that_none_waits_for_another(assets: Assets, name: str) -> None:
    needed = set[str]()
    entry = assets.files[f"{name}.js"].body.decode()
    named = {normpath(target) for target in IMPORT.findall(entry)}
    # Below the imports by their names alone is what the entry itself exports, from the first module that it needs.
    (own,) = re.findall(r'^export .* from "\./([^"]+)";', entry, re.MULTILINE)
    ahead = [own]
    while ahead:
        path = ahead.pop()
        if path not in needed:
            needed.add(path)
            ahead += [normpath(join(dirname(path), one)) for one in IMPORT.findall(assets.files[path].body.decode())]
    assert needed <= named
    assert all("/" in path for path in named)


def test_the_script_for_other_sites_is_classic_and_loads_its_modules_by_their_names_with_a_hash(assets: Assets) -> None:
    script = assets.files[f"{EMBED}.js"].body.decode()
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    loaded = re.findall(r'import\(new URL\("\./([^"]+)"', script)
    assert loaded
    assert all(path in assets.files for path in loaded)


def test_a_page_without_the_widget_does_not_load_its_companion(assets: Assets) -> None:
    assert b"/n8n/" not in assets.files[f"{ENTRY}.js"].body
    assert b"/n8n/attach.js" in assets.files[f"{COMPANION}.js"].body


def test_modules_of_one_folder_import_those_of_the_other_under_their_name_with_a_hash() -> None:
    assets = assets_of(SOURCES)
    page = assets.files[f"umbral-chat-ui.{assets.version}/pages/p.js"].body.decode()
    assert f'"../../umbral-chat.{assets.version}/index.js"' in page
    assert '"../index.js"' in page


def test_a_page_is_given_every_module_that_its_script_needs_itself_first_and_what_is_loaded_later_not() -> None:
    assets = assets_of(SOURCES)
    client, interface = f"/web/umbral-chat.{assets.version}", f"/web/umbral-chat-ui.{assets.version}"
    found = assets.imports("umbral-chat-ui/pages/p.js")
    assert found[0] == f"{interface}/pages/p.js"
    assert set(found[1:]) == {f"{client}/index.js", f"{client}/edges/a.js", f"{interface}/index.js"}
    assert len(found) == 4


def test_style_sheets_have_their_type_and_an_url_and_what_is_not_there_has_none() -> None:
    assets = assets_of(SOURCES)
    assert assets.url("umbral-chat-ui/ui.css") == f"/web/umbral-chat-ui.{assets.version}/ui.css"
    assert assets.files[f"umbral-chat-ui.{assets.version}/ui.css"].media_type == "text/css"
    with pytest.raises(KeyError):
        assets.url("umbral-chat-ui/other.css")


@pytest.mark.parametrize(
    "path",
    [
        "umbral-chat.js",
        "umbral-chat-ui/ui.css",
        "umbral-chat-ui/late.js",
        "umbral-chat-n8n.js",
        "umbral-chat/edges/a.js",
    ],
)
def test_a_change_of_any_module_changes_every_name(path: str) -> None:
    before, after = assets_of(SOURCES), assets_of({**SOURCES, path: SOURCES[path] + b"// more\n"})
    assert before.version != after.version
    assert set(before.files) & set(after.files) == {f"{name}{end}" for name in ENTRIES for end in (".js", ".d.ts")}
    assert any(before.files[f"{name}.js"].etag != after.files[f"{name}.js"].etag for name in ENTRIES)
