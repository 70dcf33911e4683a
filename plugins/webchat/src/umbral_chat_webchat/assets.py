"""The client's files as they are served: read once, under names that have their hash.

The client is several ES modules that import each other by relative URLs, and so is the interface of the pages. A page
imports an entry: the client's, that of the companion of n8n's widget, or the interface's. The modules are in folders
whose names have the hash of all of them, so a page never gets modules of two versions, and a browser keeps each for
ever. The entries, whose names do not change, are revalidated by their `ETag`. Comments are not sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath
from typing import Final, NamedTuple

from umbral_chat_webchat.comments import without_comments

ENTRY: Final = "umbral-chat"
FOLDER: Final = "umbral-chat"
COMPANION: Final = "umbral-chat-n8n"
"""The companion of n8n's widget; modules that only it needs are in `umbral-chat/n8n/`."""
INTERFACE: Final = "umbral-chat-ui"
INTERFACE_FOLDER: Final = "umbral-chat-ui"
"""What people see: the view of a conversation, the scripts of the pages, and their style sheets."""
EMBED: Final = "umbral-chat-embed"
"""The script that a site adds to its pages: a classic one, which loads the interface's modules when they are needed."""
ENTRIES: Final = (ENTRY, COMPANION, INTERFACE, EMBED)
"""What a page imports, by its name without an ending; beside each are its types."""
FOLDERS: Final = (FOLDER, INTERFACE_FOLDER)
VENDOR: Final = "/vendor/"
"""What is taken of others, and served as it is."""

PATH: Final = "/web/"
"""Where the files are served."""

JAVASCRIPT: Final = "text/javascript"
"""RFC 9239. A browser runs no module of another type. The charset (UTF-8) is added where it is served."""
TYPESCRIPT: Final = "application/typescript"
MEDIA_TYPES: Final = {".js": JAVASCRIPT, ".css": "text/css"}
"""Of what is served in the folders, by the ending of its name."""

FOREVER: Final = "public, max-age=31536000, immutable"
"""The name of such a file changes with its content (RFC 8246)."""
REVALIDATED: Final = "public, no-cache"

_FOLDER = re.compile(rf"(?<=[\"'])(\.\.?/(?:\.\./)*)({INTERFACE_FOLDER}|{FOLDER})/")
_STATIC = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.[^"']+)["'];""", re.MULTILINE)
"""Imports that a module cannot run without; `import()` is not one."""


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
    direct_imports: Mapping[str, Sequence[str]]
    """Of each module, the paths of those that it names and cannot run without."""

    def url(self, path: str) -> str:
        """The path on the service of a file in a folder, which is given without the hash: `umbral-chat-ui/page.css`.
        Raises KeyError for one that does not exist."""
        name = _versioned(path, self.version)
        if name not in self.files:
            raise KeyError(path)
        return PATH + name

    def imports(self, path: str) -> list[str]:
        """The paths on the service of all modules that this one needs to run, itself first."""
        return [PATH + name for name in _all_imports(self.direct_imports, _versioned(path, self.version))]


@cache
def load() -> Assets:
    """The files of this package, which are read once."""
    return assets_of(_sources(files(__package__).joinpath("web")))


def assets_of(sources: Mapping[str, bytes]) -> Assets:
    """What is served of these files (by path): the entries, their types, and what is in the folders."""
    modules = {path: body for path, body in sorted(sources.items()) if path.partition("/")[0] in FOLDERS}
    digest = sha256()
    for path, body in (*modules.items(), *((name, sources[f"{name}.js"]) for name in ENTRIES)):
        digest.update(f"{path} {len(body)}\n".encode() + body)
    version = digest.hexdigest()[:16]
    direct = _direct_imports(sources)
    served = {}
    for name in ENTRIES:
        _, *needed = _all_imports(direct, f"{name}.js")
        entry = _entry(sources[f"{name}.js"].decode(), version, needed)
        served[f"{name}.js"] = _asset(entry, JAVASCRIPT, REVALIDATED)
        served[f"{name}.{version}.js"] = _asset(entry, JAVASCRIPT, FOREVER)
        served[f"{name}.d.ts"] = _asset(sources[f"{name}.d.ts"], TYPESCRIPT, REVALIDATED)
    for path, body in modules.items():
        media_type = MEDIA_TYPES[path[path.rindex(".") :]]
        text = body.decode() if VENDOR in path else without_comments(body.decode())
        if media_type == JAVASCRIPT:
            text = _across_folders(text, version)
        served[_versioned(path, version)] = _asset(text.encode(), media_type, FOREVER)
    return Assets(version, served, _direct_imports({name: asset.body for name, asset in served.items()}))


def _direct_imports(bodies: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Of each module, what it imports. What it loads later (`import()`) is not among it."""
    return {
        name: [normpath(join(dirname(name), target)) for target in dict.fromkeys(_STATIC.findall(body.decode()))]
        for name, body in bodies.items()
        if name.endswith(".js")
    }


def _all_imports(direct: Mapping[str, Sequence[str]], name: str) -> list[str]:
    """All modules that a module needs to run, itself first."""
    found = {name: None}
    pending = [name]
    for one in pending:
        new = [target for target in direct[one] if target not in found]
        found |= dict.fromkeys(new)
        pending += new
    return list(found)


def _versioned(path: str, version: str) -> str:
    folder, _, rest = path.partition("/")
    return f"{folder}.{version}/{rest}"


def _across_folders(text: str, version: str) -> str:
    """The module with its imports of other folders, or of the same by its name, as they are served."""
    return _FOLDER.sub(rf"\g<1>\g<2>.{version}/", text)


def _entry(text: str, version: str, modules: Sequence[str]) -> bytes:
    """An entry, which first names every module it needs: a browser loads them at once and not one after the other."""
    imports = "".join(f'import "./{_versioned(path, version)}";\n' for path in sorted(modules))
    return (imports + _across_folders(without_comments(text), version)).encode()


def _asset(body: bytes, media_type: str, cache_control: str) -> Asset:
    return Asset(body, media_type, cache_control, f'"{sha256(body).hexdigest()[:32]}"')


def _sources(folder: Traversable) -> dict[str, bytes]:
    """The entries, their types, and the modules and style sheets, which may be in folders of their own."""
    names = [f"{name}{ending}" for name in ENTRIES for ending in (".js", ".d.ts")]
    found = {name: folder.joinpath(name).read_bytes() for name in names}
    pending = [(name, folder.joinpath(name)) for name in FOLDERS]
    while pending:
        path, item = pending.pop()
        for child in item.iterdir():
            if child.is_dir():
                pending.append((f"{path}/{child.name}", child))
            elif child.name.endswith(tuple(MEDIA_TYPES)):
                found[f"{path}/{child.name}"] = child.read_bytes()
    return found


__all__ = [
    "COMPANION",
    "EMBED",
    "ENTRIES",
    "ENTRY",
    "FOLDER",
    "FOLDERS",
    "INTERFACE",
    "INTERFACE_FOLDER",
    "PATH",
    "Asset",
    "Assets",
    "assets_of",
    "load",
]
