"""Wheels of every package, built once, and empty environments to install them into: with plain pip, and with uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.session import surroundings

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own, and the pip that installs into it."""

    folder: Path
    pip: Path

    @property
    def environ(self) -> dict[str, str]:
        """For programs in it: they find nothing of the environment that the tests run in."""
        found = surroundings(self.folder)
        kept = {name: found[name] for name in found if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        return {**kept, "PATH": os.pathsep.join([str(self.folder / "bin"), os.defpath])}

    def run(self, *command: str) -> str:
        """What a program of it says. Raises AssertionError when it fails."""
        executable = str(self.folder / "bin" / command[0])
        done = subprocess.run(
            [executable, *command[1:]], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, *command: str, **environ: str) -> str:
        """What a program says that fails, in one line. Raises AssertionError when it does not fail."""
        done = subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=self.folder,
            env=self.environ | {"COLUMNS": "300"} | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode != 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return " ".join((done.stdout + done.stderr).replace("│", " ").split())

    def install(self, *what: str) -> str:
        """`pip install`."""
        into = ["--python", str(self.folder / "bin" / "python")]
        return self.run(
            str(self.pip), *into, "install", "--quiet", "--no-compile", "--disable-pip-version-check", *what
        )


def uv() -> str:
    """The uv that runs these tests, or the one that the Makefile installs."""
    found = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    if not Path(found).is_file():
        pytest.skip("no uv: run the tests with `make test`")
    return found


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every package's wheel, as `make build` makes them."""
    folder = tmp_path_factory.mktemp("dist")
    command = [uv(), "build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def empty(folder: Path, pip: Path | None = None) -> Environment:
    """An environment with nothing but pip, or with nothing at all where uv installs into it: a pip of its own takes 5 s
    of a processor to make."""
    options = [] if pip is None else ["--without-pip"]
    subprocess.run([sys.executable, "-m", "venv", *options, str(folder)], check=True)
    return Environment(folder, pip or folder / "bin" / "pip")


@pytest.fixture(scope="session")
def slim(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`pip install umbral-chat`."""
    environment = empty(tmp_path_factory.mktemp("slim"))
    environment.install("--find-links", str(dist), "umbral-chat")
    return environment


@pytest.fixture(scope="session")
def core_alone(dist: Path, slim: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`uv pip install umbral-chat-core`."""
    return _by_uv(tmp_path_factory.mktemp("core"), slim, dist, "umbral-chat-core")


@pytest.fixture(scope="session")
def with_realtime(dist: Path, slim: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`uv pip install 'umbral-chat[realtime]'`."""
    return _by_uv(tmp_path_factory.mktemp("realtime"), slim, dist, "umbral-chat[realtime]")


def _by_uv(folder: Path, slim: Environment, dist: Path, what: str) -> Environment:
    """An environment with `what`, installed in a tenth of pip's time."""
    environment = empty(folder, slim.pip)
    into = ["--python", str(folder / "bin" / "python"), "--find-links", str(dist)]
    done = subprocess.run([uv(), "pip", "install", "--quiet", *into, what], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return environment
