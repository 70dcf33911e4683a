"""The community package, built, and the ways to install it into an n8n that does not run yet."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from n8n.e2e.harness.install import Installed
from n8n.e2e.harness.listen import JsonHandler, listening
from n8n.e2e.harness.process import clean_env, run
from tests.community_node.build import PACKAGE, copied, packed
from tests.local_supabase.stack.npm import unpack

INSTALL_LIMIT = 120.0
MANIFEST: dict[str, Any] = json.loads((PACKAGE / "package.json").read_text("utf-8"))
NAME: str = MANIFEST["name"]
VERSION: str = MANIFEST["version"]

SETTINGS = {
    "N8N_DISABLED_MODULES": "mcp-registry,instance-ai,agents",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "true",
    # No call leaves the machine.
    "N8N_VERIFIED_PACKAGES_ENABLED": "false",
    "N8N_REINSTALL_MISSING_PACKAGES": "false",
}

Install = Callable[[Installed, Path, Path], dict[str, str]]
"""Installs into the n8n of a folder, with its logs in the other one. Returns the settings that this n8n needs."""


def by_tarball(installed: Installed, folder: Path, logs: Path) -> dict[str, str]:
    """As an operator does in the data folder: npm install of the packed file."""
    archive = built(folder)
    nodes = _nodes(folder)
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps", "--offline"]
    _npm("npm install of the community package", installed, logs, nodes, "install", str(archive), *flags)
    return SETTINGS


def by_registry(installed: Installed, folder: Path, logs: Path) -> dict[str, str]:
    """As *Settings → Community nodes → Install* does, with the commands of n8n's `downloadPackage`.

    n8n itself asks npm's own registry, where nothing of a test is, or with a licence another one. So its steps are
    taken here, from a registry in this process."""
    archive = built(folder)
    nodes, downloads = _nodes(folder), folder / "downloads"
    downloads.mkdir()
    with registry(archive) as url:
        _npm("npm pack", installed, logs, downloads, "pack", f"{NAME}@{VERSION}", "--quiet", f"--registry={url}")
        (fetched,) = downloads.glob("*.tgz")
        place = _unpacked(fetched, nodes / "node_modules" / NAME)
        kept = {name: value for name, value in MANIFEST.items() if not name.endswith("ependencies")}
        (place / "package.json").write_text(json.dumps(kept))
        flags = ["--audit=false", "--fund=false", "--bin-links=false", "--install-strategy=shallow"]
        flags += ["--ignore-scripts=true", "--package-lock=false", f"--registry={url}"]
        _npm("npm install of what it depends on", installed, logs, place, "install", *flags)
    manifest = {"name": "installed-nodes", "private": True, "dependencies": {NAME: VERSION}}
    (nodes / "package.json").write_text(json.dumps(manifest))
    return SETTINGS


def by_extensions(_installed: Installed, folder: Path, _logs: Path) -> dict[str, str]:
    """As a developer does: unpacked, and its folder named in the environment. Its nodes are called `CUSTOM.…`."""
    place = _unpacked(built(folder), folder / "extensions" / NAME)
    return {"N8N_CUSTOM_EXTENSIONS": str(place)}


def built(folder: Path) -> Path:
    """The tarball."""
    work = folder / "package"
    work.mkdir(parents=True)
    return packed(copied(work), work)


@contextmanager
def registry(archive: Path) -> Iterator[str]:
    """A registry that has this package alone; yields its URL."""
    content = archive.read_bytes()

    class Registry(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802  (the base class calls it by this name)
            if self.path == f"/{NAME}/-/{archive.name}":
                self.answer(200, content, "application/octet-stream")
            elif self.path == f"/{NAME}":
                integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode("ascii")
                host = self.headers["Host"]
                dist = {"tarball": f"http://{host}/{NAME}/-/{archive.name}", "integrity": integrity}
                version = {**MANIFEST, "dist": dist}
                document = {"name": NAME, "dist-tags": {"latest": VERSION}, "versions": {VERSION: version}}
                self.answer(200, json.dumps(document).encode())
            else:
                self.answer(404, b"{}")

    with listening(Registry) as port:
        yield f"http://127.0.0.1:{port}"


def _nodes(folder: Path) -> Path:
    nodes = folder / ".n8n" / "nodes"
    nodes.mkdir(parents=True)
    (nodes / "package.json").write_text('{"name": "installed-nodes", "private": true}\n')
    return nodes


def _unpacked(archive: Path, place: Path) -> Path:
    place.mkdir(parents=True)
    unpack(archive, place.parent / ".unpacked")
    (place.parent / ".unpacked" / "package").rename(place)
    return place


def _npm(what: str, installed: Installed, logs: Path, cwd: Path, *words: str) -> None:
    npm = installed.node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    env = clean_env(["N8N_"], PATH=installed.path())
    run(what, [str(installed.node), str(npm), *words], log=logs / "npm.log", env=env, limit=INSTALL_LIMIT, cwd=cwd)
