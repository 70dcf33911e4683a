"""Plugins as objects, and as packages that are really installed into a directory of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import pytest
from umbral_chat._core.plugins.host import PluginHost

OBJECTS: dict[str, object] = {}
HostOf = Callable[..., PluginHost]
Install = Callable[..., None]


class ObjectEntryPoint(EntryPoint):
    """An entry point that gives an object of the test."""

    def load(self) -> Any:
        return OBJECTS[self.value]


@pytest.fixture
def host_of() -> Iterator[HostOf]:
    """A host of the objects given by name."""

    def make(**plugins: object) -> PluginHost:
        for name, plugin in plugins.items():
            OBJECTS[f"test:{name}"] = plugin
        return PluginHost.load(entry_points=[ObjectEntryPoint(name, f"test:{name}", "umbral_chat") for name in plugins])

    yield make
    OBJECTS.clear()


class Packages:
    """Packages installed for one test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.imported = root / "imported"

    def add(
        self,
        name: str,
        source: str = "",
        *,
        package: str | None = None,
        requires: Iterable[str] = (),
        version: str = "1.0",
        value: str | None = None,
    ) -> None:
        """Install `package`, whose entry point `name` is a module with `source` that leaves a mark when imported."""
        package = package or f"acme-{name}"
        module = package.replace("-", "_")
        note = f"with open({str(self.imported)!r}, 'a') as mark: mark.write({(name + chr(10))!r})\n"
        (self.root / f"{module}.py").write_text(note + source, encoding="utf-8")
        info = self.root / f"{module}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n{needs}"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[umbral_chat]\n{name} = {value or module}\n", encoding="utf-8")

    @property
    def entry_points(self) -> list[EntryPoint]:
        return [point for dist in Distribution.discover(path=[str(self.root)]) for point in dist.entry_points]

    @property
    def were_imported(self) -> list[str]:
        return self.imported.read_text(encoding="utf-8").split() if self.imported.exists() else []


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Packages(tmp_path)
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]
