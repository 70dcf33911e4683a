"""Public names: they exist, stand in `__all__`, and cost nothing until they are used."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import umbral_chat
import umbral_chat_polling
import umbral_chat_presence
import umbral_chat_webchat

from tools.reference.public_api import PUBLIC_MODULES

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "src" / "umbral_chat"
PLUGINS = [
    ROOT / "plugins" / "polling" / "src" / "umbral_chat_polling",
    ROOT / "plugins" / "presence" / "src" / "umbral_chat_presence",
    ROOT / "plugins" / "webchat" / "src" / "umbral_chat_webchat",
    ROOT / "plugins" / "streaming" / "src" / "umbral_chat_streaming",
    ROOT / "plugins" / "n8n_bridge" / "src" / "umbral_chat_n8n_bridge",
    ROOT / "plugins" / "subscriptions" / "src" / "umbral_chat_subscriptions",
]
PRIVATE = "umbral_chat._core"
MOVED = {
    "umbral_chat.depth": "DEEPEST DEPTH STORED_DEPTH check_depth check_value_depth decode_bounded decode_stored "
    "flattened is_deeper too_deep value_is_deeper",
    "umbral_chat.epochs": "check_epoch",
    "umbral_chat.feed": "Line",
    "umbral_chat.hot": "RAISED HotRoute",
    "umbral_chat.http": "DISCONNECT LIMIT_OF_DEPTH PRINCIPAL Disconnect Headers body check_bounds conversation "
    "decode depth_of header header_text integer optional_body principal query send_empty send_json server_disconnect "
    "too_large",
    "umbral_chat.names": "clean_name",
    "umbral_chat.proxies": "proxy_for",
    "umbral_chat.rules": "MEMBERS_LIMIT NAME_LIMIT check_content check_display_name check_internal check_members "
    "check_message_id check_metadata check_original_time check_sender check_text",
    "umbral_chat.settings.secret": "Secret",
    "umbral_chat.settings.sections": "Cache Core Key Limits Positive Realtime Retry Seconds Section Telemetry",
    "umbral_chat.testing.instances": "Plug",
    "umbral_chat.testing.presence.rig": "Ears Running",
    "umbral_chat.transport": "Mailbox Watched",
}
"""Public modules of 0.1 that have moved, with their names of then."""
MOVED_NAMES = [(module, name) for module, names in MOVED.items() for name in names.split()]
HEAVY = ("litestar", "apsw", "opentelemetry", "uvicorn", "pluggy", "msgspec", "httpx")


@pytest.mark.parametrize(
    "module", [*PUBLIC_MODULES, "umbral_chat_polling", "umbral_chat_presence", "umbral_chat_webchat"]
)
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


def test_what_is_not_public_is_private_to_the_core() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = tables["tool"]["importlinter"]["contracts"]
    contract = next(one for one in contracts if one["name"] == "what is private to the core stays in it")
    assert contract["forbidden_modules"] == [PRIVATE]
    assert not [name for name in PUBLIC_MODULES if name.startswith(PRIVATE)]
    packages = tuple(f"{name}." for name in (*PUBLIC_MODULES, PRIVATE) if name != "umbral_chat")
    unmentioned = {
        name
        for name in modules()
        if name not in {PRIVATE, "umbral_chat.__main__", "umbral_chat._moved", *PUBLIC_MODULES, *MOVED}
        and not name.startswith(packages)
        and not any(public.startswith(f"{name}.") for public in PUBLIC_MODULES)
    }
    assert not unmentioned, f"move into {PRIVATE}, or add to tools.reference.public_api"


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in MOVED.items() for name in names.split()]
)
def test_a_name_that_moved_answers_and_warns_with_the_new_one(module: str, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"{module}\.{name} is umbral_chat\.") as caught:
        found = getattr(importlib.import_module(module), name)
    new = re.fullmatch(r".* is (\S+)\.(\w+) now; the old name goes with 0\.3\.", str(caught[0].message))
    assert new
    assert new[1] in PUBLIC_MODULES
    assert getattr(importlib.import_module(new[1]), new[2]) is found
    assert caught[0].filename == __file__


def test_a_moved_module_has_no_other_names() -> None:
    with pytest.raises(AttributeError):
        importlib.import_module("umbral_chat.http").nothing  # noqa: B018 - that is the point


def modules() -> Iterator[str]:
    """Every module of the core."""
    for file in sorted(CORE.rglob("*.py")):
        parts = file.relative_to(CORE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_a_package_names_what_it_exports() -> None:
    assert umbral_chat_polling.__all__
    assert umbral_chat_presence.__all__
    assert umbral_chat_webchat.__all__
