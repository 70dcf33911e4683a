"""The client's files as they are served: read once, under names that have their hash.

The client is several ES modules that import each other by relative URLs. A page imports an entry: the client's, or that
of the companion of n8n's widget. The modules are in a folder whose name has the hash of all of them, so a page never
gets modules of two versions, and a browser keeps each for ever. The entries, whose names do not change, are revalidated
by their `ETag`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

ENTRY: Final = "umbral-chat"
FOLDER: Final = "umbral-chat"
COMPANION: Final = "umbral-chat-n8n"
COMPANION_FOLDER: Final = f"{FOLDER}/n8n/"
"""Modules that only the companion needs."""
ENTRIES: Final = (ENTRY, COMPANION)
"""What a page imports, by its name without an ending; beside each are its types."""

JAVASCRIPT: Final = "text/javascript"
"""RFC 9239. A browser runs no module of another type. The charset (UTF-8) is added where it is served."""
TYPESCRIPT: Final = "application/typescript"

FOREVER: Final = "public, max-age=31536000, immutable"
"""The name of such a file changes with its content (RFC 8246)."""
REVALIDATED: Final = "public, no-cache"

_IMPORT = re.compile(rf"(?<=[\"'])\./{FOLDER}/")


class Asset(NamedTuple):
    """A file as it is served."""

    body: bytes
    media_type: str
    cache_control: str
    etag: str
    """A strong validator, with its quotes (RFC 9110, 8.8.3)."""


class Assets(NamedTuple):
    """All files, by their path below `/web/`."""

    version: str
    """Hash of all modules, 16 hexadecimal digits."""
    files: Mapping[str, Asset]


def load() -> Assets:
    """The files of this package."""
    return assets_of(_sources(files(__package__).joinpath("web")))


def assets_of(sources: Mapping[str, bytes]) -> Assets:
    """What is served of these files (by path): the entries, their types, and the modules in `FOLDER`."""
    modules = {path: body for path, body in sorted(sources.items()) if path.startswith(f"{FOLDER}/")}
    digest = sha256()
    for path, body in (*modules.items(), *((name, sources[f"{name}.js"]) for name in ENTRIES)):
        digest.update(f"{path} {len(body)}\n".encode() + body)
    version = digest.hexdigest()[:16]
    served = {}
    for name in ENTRIES:
        needed = [path for path in modules if name == COMPANION or not path.startswith(COMPANION_FOLDER)]
        entry = _entry(sources[f"{name}.js"].decode(), version, needed)
        served[f"{name}.js"] = _asset(entry, JAVASCRIPT, REVALIDATED)
        served[f"{name}.{version}.js"] = _asset(entry, JAVASCRIPT, FOREVER)
        served[f"{name}.d.ts"] = _asset(sources[f"{name}.d.ts"], TYPESCRIPT, REVALIDATED)
    for path, body in modules.items():
        served[path.replace(FOLDER, f"{FOLDER}.{version}", 1)] = _asset(body, JAVASCRIPT, FOREVER)
    return Assets(version, served)


def _entry(text: str, version: str, modules: Sequence[str]) -> bytes:
    """An entry, which first names every module it needs: a browser loads them at once and not one after the other."""
    folder = f"./{FOLDER}.{version}/"
    imports = "".join(f'import "{folder}{path.removeprefix(FOLDER + "/")}";\n' for path in modules)
    return (imports + _IMPORT.sub(folder, text)).encode()


def _asset(body: bytes, media_type: str, cache_control: str) -> Asset:
    return Asset(body, media_type, cache_control, f'"{sha256(body).hexdigest()[:32]}"')


def _sources(folder: Traversable) -> dict[str, bytes]:
    """The entries, their types and the modules, which may be in folders of their own."""
    names = [f"{name}{ending}" for name in ENTRIES for ending in (".js", ".d.ts")]
    found = {name: folder.joinpath(name).read_bytes() for name in names}
    pending = [(FOLDER, folder.joinpath(FOLDER))]
    while pending:
        path, item = pending.pop()
        for child in item.iterdir():
            if child.is_dir():
                pending.append((f"{path}/{child.name}", child))
            elif child.name.endswith(".js"):
                found[f"{path}/{child.name}"] = child.read_bytes()
    return found


__all__ = ["COMPANION", "COMPANION_FOLDER", "ENTRIES", "ENTRY", "FOLDER", "Asset", "Assets", "assets_of", "load"]
