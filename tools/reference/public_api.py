"""The public modules and names of the core, on which plugins and programs build, and the page that lists them."""

from __future__ import annotations

import ast
import inspect
import types
from pathlib import Path
from typing import Any, get_args, get_origin

import umbral_chat

PUBLIC_MODULES = (
    "umbral_chat",
    "umbral_chat.clock",
    "umbral_chat.commands",
    "umbral_chat.context",
    "umbral_chat.drafts",
    "umbral_chat.errors",
    "umbral_chat.feed",
    "umbral_chat.http_kit.asgi",
    "umbral_chat.http_kit.decoding",
    "umbral_chat.http_kit.disconnect",
    "umbral_chat.http_kit.epochs",
    "umbral_chat.http_kit.hot_route",
    "umbral_chat.http_kit.origins",
    "umbral_chat.http_kit.outbound",
    "umbral_chat.http_kit.raw_writer",
    "umbral_chat.http_kit.websocket",
    "umbral_chat.markers",
    "umbral_chat.model.attachments",
    "umbral_chat.model.authors",
    "umbral_chat.model.conversations",
    "umbral_chat.model.cursor",
    "umbral_chat.model.depth",
    "umbral_chat.model.display_names",
    "umbral_chat.model.encoded_entry",
    "umbral_chat.model.entries",
    "umbral_chat.model.fold",
    "umbral_chat.model.ids",
    "umbral_chat.model.internal",
    "umbral_chat.model.receipts",
    "umbral_chat.model.requests",
    "umbral_chat.model.runs",
    "umbral_chat.model.signals",
    "umbral_chat.model.validation",
    "umbral_chat.model.writes",
    "umbral_chat.providers.auth",
    "umbral_chat.providers.consumers",
    "umbral_chat.providers.edges",
    "umbral_chat.providers.history",
    "umbral_chat.providers.presence",
    "umbral_chat.providers.presence_reports",
    "umbral_chat.providers.store",
    "umbral_chat.providers.transport",
    "umbral_chat.settings",
    "umbral_chat.telemetry",
    "umbral_chat.testing",
    "umbral_chat.testing.embedded",
    "umbral_chat.testing.instances",
    "umbral_chat.testing.presence",
    "umbral_chat.testing.presence.rig",
    "umbral_chat.testing.rig",
    "umbral_chat.testing.transport",
    "umbral_chat.transport_kit",
    "umbral_chat.transport_kit.backoff",
    "umbral_chat.transport_kit.base",
    "umbral_chat.transport_kit.certificates",
    "umbral_chat.transport_kit.proxies",
    "umbral_chat.transport_kit.signal_outbox",
)
"""Modules that a plugin may import. Of a package only what its `__all__` names: its other modules are private."""

INTRODUCTION = """\
# Public names and modules

A plugin imports these and nothing else of the core; an import contract holds the project's own plugins to it. What is
not listed here may change with any release.

A running service's parts, such as `services.chat` and `services.failover`, are used through `Services`, which a hook is
given. Their classes are not imported.

## Names of `umbral_chat`

Each is imported when it is first used: `import umbral_chat` alone imports nothing heavy.
"""


def public_api_page() -> str:
    """The text of `docs/reference/public-api.md`."""
    parts = [INTRODUCTION]
    for module, names in umbral_chat._PLACES.items():  # noqa: SLF001 - the package's own table
        parts.append(f"\n### From `{module}`\n\n| name | |\n| --- | --- |\n")
        parts += [f"| `{name}` | {_cell(_meaning(getattr(umbral_chat, name)))} |\n" for name in names.split()]
    parts.append("\n## Modules\n\nOf each, what its `__all__` names.\n\n| module | |\n| --- | --- |\n")
    parts += [f"| `{name}` | {_cell(_sentence(_docstring(name)))} |\n" for name in PUBLIC_MODULES]
    return "".join(parts)


def _meaning(thing: Any) -> str:
    if inspect.isclass(thing) or inspect.isfunction(thing):
        return _sentence(inspect.getdoc(thing) or "")
    if isinstance(thing, types.UnionType):
        return "one of " + ", ".join(f"`{one.__name__}`" for one in get_args(thing))
    if get_origin(thing) is not None:
        return "one of " + ", ".join(f"`{one}`" for one in get_args(thing))
    return f"an instance of `{type(thing).__name__}`"


def _docstring(module: str) -> str:
    """A module's docstring, parsed without importing it: the suites of `umbral_chat.testing` need pytest."""
    place = Path(str(umbral_chat.__file__)).parent.joinpath(*module.split(".")[1:])
    package = place / "__init__.py"  # a folder without it is what a move left behind, with nothing but its bytecode
    file = package if package.is_file() else place.with_suffix(".py")
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def _sentence(text: str) -> str:
    # The first paragraph may take more than one line.
    return " ".join(text.partition("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


__all__ = ["PUBLIC_MODULES", "public_api_page"]
