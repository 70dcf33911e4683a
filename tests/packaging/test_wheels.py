"""What the wheels say of themselves."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = [ROOT, ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
pytestmark = pytest.mark.slow


def project(folder: Path) -> dict[str, object]:
    """The project's table in pyproject.toml."""
    found: dict[str, object] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def wheel(dist: Path, name: str) -> ZipFile:
    """The one wheel of a package."""
    (file,) = dist.glob(f"{name.replace('-', '_')}-[0-9]*.whl")
    return ZipFile(file)


def metadata(archive: ZipFile) -> Message:
    """Its METADATA."""
    (file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(archive.read(file).decode())


def names() -> Iterator[str]:
    """Every package."""
    yield from (str(project(folder)["name"]) for folder in PROJECTS)


def test_every_package_has_one_wheel(dist: Path) -> None:
    built = {file.name.partition("-")[0].replace("_", "-") for file in dist.glob("*.whl")}
    assert built == set(names())


def test_versions_are_equal_and_that_of_the_code(dist: Path) -> None:
    source = (ROOT / "core" / "src" / "umbral_chat" / "__init__.py").read_text(encoding="utf-8")
    for name in names():
        version = metadata(wheel(dist, name))["Version"]
        assert f'__version__ = "{version}"' in source, name


def test_the_metapackage_is_empty_and_pins_its_members(dist: Path) -> None:
    archive = wheel(dist, "umbral-chat")
    assert [name for name in archive.namelist() if ".dist-info/" not in name] == []
    found = metadata(archive)
    version = found["Version"]
    required = found.get_all("Requires-Dist", [])
    always = {line for line in required if "extra ==" not in line}
    assert always == {f"umbral-chat-core=={version}", f"umbral-chat-polling=={version}"}
    # An extra is declared when its plugin is there to be installed.
    assert set(found.get_all("Provides-Extra", [])) == {
        "all",
        "n8n",
        "presence",
        "realtime",
        "streaming",
        "subscriptions",
        "web",
    }
    optional = {line.partition(";")[0].strip() for line in required if "extra ==" in line}
    plugins = ("n8n-bridge", "presence", "realtime-supabase", "streaming", "subscriptions", "webchat")
    assert optional == {f"umbral-chat-{plugin}=={version}" for plugin in plugins}


def test_a_plugin_pins_the_core(dist: Path) -> None:
    for name in set(names()) - {"umbral-chat", "umbral-chat-core"}:
        found = metadata(wheel(dist, name))
        assert f"umbral-chat-core=={found['Version']}" in found.get_all("Requires-Dist", [])


@pytest.mark.parametrize("name", sorted(names()))
def test_a_wheel_carries_its_licence_and_metadata_that_old_tools_read(dist: Path, name: str) -> None:
    archive = wheel(dist, name)
    (licence,) = (one for one in archive.namelist() if one.endswith("LICENSE") and ".dist-info/" in one)
    assert b"MIT License" in archive.read(licence)
    found = metadata(archive)
    assert found["License-Expression"] == "MIT"
    assert found["Requires-Python"] == ">=3.11"
    assert found["Metadata-Version"] in {"2.3", "2.4"}
    assert str(found.get_payload()).strip(), "no description"


@pytest.mark.parametrize("name", sorted(set(names()) - {"umbral-chat"}))
def test_a_wheel_is_typed_and_carries_no_tests(dist: Path, name: str) -> None:
    inside = wheel(dist, name).namelist()
    package = name.replace("-", "_").removesuffix("_core")
    assert f"{package}/py.typed" in inside
    assert {one.partition("/")[0] for one in inside if ".dist-info/" not in one} == {package}


def test_entry_points(dist: Path) -> None:
    def points(name: str) -> str:
        archive = wheel(dist, name)
        (file,) = (one for one in archive.namelist() if one.endswith("entry_points.txt"))
        return archive.read(file).decode()

    assert "umbral-chat = umbral_chat._core.cli:main" in points("umbral-chat-core")
    assert "[umbral_chat]\npolling = umbral_chat_polling.plugin" in points("umbral-chat-polling")
    assert "presence = umbral_chat_presence.plugin" in points("umbral-chat-presence")
    assert "streaming = umbral_chat_streaming.plugin" in points("umbral-chat-streaming")
    assert "n8n = umbral_chat_n8n_bridge.plugin" in points("umbral-chat-n8n-bridge")
    assert "subscriptions = umbral_chat_subscriptions.plugin" in points("umbral-chat-subscriptions")
    assert "supabase = umbral_chat_realtime_supabase.plugin" in points("umbral-chat-realtime-supabase")
    assert "webchat = umbral_chat_webchat.plugin" in points("umbral-chat-webchat")


def test_the_javascript_client_is_in_the_wheel(dist: Path) -> None:
    source = ROOT / "plugins" / "webchat" / "src"
    archive = wheel(dist, "umbral-chat-webchat")
    files = [file for file in sorted((source / "umbral_chat_webchat" / "web").rglob("*")) if file.is_file()]
    assert {"umbral-chat.js", "umbral-chat.d.ts", "index.js", "package.json"} <= {file.name for file in files}
    for file in files:
        assert archive.read(file.relative_to(source).as_posix()) == file.read_bytes()


def test_the_migrations_are_in_the_wheel(dist: Path) -> None:
    source = ROOT / "plugins" / "realtime_supabase" / "src"
    archive = wheel(dist, "umbral-chat-realtime-supabase")
    files = sorted(source.rglob("*.sql"))
    assert len(files) > 6
    for file in files:
        assert archive.read(file.relative_to(source).as_posix()) == file.read_bytes()
