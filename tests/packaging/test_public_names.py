"""Public names: they exist, stand in `__all__`, and cost nothing until they are used."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import umbral_chat
import umbral_chat_polling
import umbral_chat_presence
from umbral_chat.surface import PUBLIC_MODULES

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "src" / "umbral_chat"
PLUGINS = [
    ROOT / "plugins" / "polling" / "src" / "umbral_chat_polling",
    ROOT / "plugins" / "presence" / "src" / "umbral_chat_presence",
]
HEAVY = ("litestar", "apsw", "opentelemetry", "uvicorn", "pluggy", "msgspec", "httpx")


@pytest.mark.parametrize("module", [*PUBLIC_MODULES, "umbral_chat_polling", "umbral_chat_presence"])
def test_what_a_public_module_names_is_there(module: str) -> None:
    found = importlib.import_module(module)
    assert len(set(found.__all__)) == len(found.__all__)
    for name in found.__all__:
        assert hasattr(found, name), name


def test_the_top_names_are_what_checkers_see() -> None:
    tree = ast.parse((CORE / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("umbral_chat")
        for alias in node.names
    }
    places = {(module, name) for module, names in umbral_chat._PLACES.items() for name in names.split()}
    assert imported == places
    assert set(umbral_chat.__all__) == {name for _, name in places} | {"__version__"}
    assert set(umbral_chat.__all__) <= set(dir(umbral_chat))


def test_the_top_names_are_public_where_they_come_from() -> None:
    for module, names in umbral_chat._PLACES.items():
        assert set(names.split()) <= set(importlib.import_module(module).__all__), module


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Kursor"):
        umbral_chat.Kursor  # type: ignore[attr-defined]  # noqa: B018 - that is the point


@pytest.mark.parametrize("use", ["", "umbral_chat.__version__; dir(umbral_chat)"])
def test_importing_the_package_imports_nothing_heavy(use: str) -> None:
    code = f"import json, sys, umbral_chat; {use}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert "umbral_chat" in loaded
    assert loaded & set(HEAVY) == set()


def test_a_hook_module_pays_for_pluggy_alone() -> None:
    code = "import json, sys; from umbral_chat import hookimpl\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded & set(HEAVY) == {"pluggy"}


def imports(package: Path) -> Iterator[tuple[str, str]]:
    """(where, module of the core) of everything that a plugin imports from the core."""
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "umbral_chat":
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    is_module = (CORE.parent / inner.replace(".", "/")).with_suffix(".py").is_file()
                    yield f"{file.name}:{node.lineno}", inner if is_module else str(node.module)
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.partition(".")[0] == "umbral_chat"]
                yield from ((f"{file.name}:{node.lineno}", name) for name in names)


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_public_modules_only(plugin: Path) -> None:
    found = list(imports(plugin))
    assert found
    assert [one for one in found if one[1] not in PUBLIC_MODULES] == []


def test_the_import_contract_forbids_every_private_module() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = tables["tool"]["importlinter"]["contracts"]
    contract = next(one for one in contracts if one["name"] == "plugins import public modules of the core only")
    forbidden = set(contract["forbidden_modules"])
    assert not forbidden & set(PUBLIC_MODULES)
    unmentioned = {
        name
        for name in modules()
        if name not in PUBLIC_MODULES
        and not any(name == one or name.startswith(f"{one}.") for one in forbidden)
        and not any(public.startswith(f"{name}.") for public in PUBLIC_MODULES)
    }
    assert not unmentioned, "add to the contract in pyproject.toml, or to umbral_chat.surface"


def modules() -> Iterator[str]:
    """Every module of the core."""
    for file in sorted(CORE.rglob("*.py")):
        parts = file.relative_to(CORE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_a_package_names_what_it_exports() -> None:
    assert umbral_chat_polling.__all__
    assert umbral_chat_presence.__all__
