"""The client's files as they are served: read once, under names that have their hash.

The client is several ES modules that import each other by relative URLs. A page imports one entry; the modules are in a
folder whose name has the hash of all of them, so a page never gets modules of two versions, and a browser keeps each
for ever. `umbral-chat.js` itself, whose name does not change, is revalidated by its `ETag`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

ENTRY: Final = "umbral-chat.js"
FOLDER: Final = "umbral-chat"
TYPES: Final = "umbral-chat.d.ts"

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
    """What is served of these files (by path): the entry, its types, and the modules in `FOLDER`."""
    modules = {path: body for path, body in sorted(sources.items()) if path.startswith(f"{FOLDER}/")}
    digest = sha256()
    for path, body in (*modules.items(), (ENTRY, sources[ENTRY])):
        digest.update(f"{path} {len(body)}\n".encode() + body)
    version = digest.hexdigest()[:16]
    entry = _entry(sources[ENTRY].decode(), version, modules)
    served = {
        ENTRY: _asset(entry, JAVASCRIPT, REVALIDATED),
        f"umbral-chat.{version}.js": _asset(entry, JAVASCRIPT, FOREVER),
        TYPES: _asset(sources[TYPES], TYPESCRIPT, REVALIDATED),
    }
    for path, body in modules.items():
        served[path.replace(FOLDER, f"{FOLDER}.{version}", 1)] = _asset(body, JAVASCRIPT, FOREVER)
    return Assets(version, served)


def _entry(text: str, version: str, modules: Mapping[str, bytes]) -> bytes:
    """The entry, which first names every module, so that a browser loads them at once and not one after the other."""
    folder = f"./{FOLDER}.{version}/"
    imports = "".join(f'import "{folder}{path.removeprefix(FOLDER + "/")}";\n' for path in modules)
    return (imports + _IMPORT.sub(folder, text)).encode()


def _asset(body: bytes, media_type: str, cache_control: str) -> Asset:
    return Asset(body, media_type, cache_control, f'"{sha256(body).hexdigest()[:32]}"')


def _sources(folder: Traversable) -> dict[str, bytes]:
    """The entry, its types and the modules, which may be in folders of their own."""
    found = {name: folder.joinpath(name).read_bytes() for name in (ENTRY, TYPES)}
    pending = [(FOLDER, folder.joinpath(FOLDER))]
    while pending:
        path, item = pending.pop()
        for child in item.iterdir():
            if child.is_dir():
                pending.append((f"{path}/{child.name}", child))
            elif child.name.endswith(".js"):
                found[f"{path}/{child.name}"] = child.read_bytes()
    return found


__all__ = ["ENTRY", "FOLDER", "Asset", "Assets", "assets_of", "load"]
