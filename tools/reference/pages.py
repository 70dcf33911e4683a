"""Generates the reference pages from the code: `python -m tools.reference.pages docs/reference`."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, cast

import msgspec
from umbral_chat._core.auth import rights
from umbral_chat._core.http.api_page import api_page
from umbral_chat._core.http.error_codes import errors_page
from umbral_chat._core.plugins import hookspecs
from umbral_chat._core.plugins.host import PluginHost
from umbral_chat._core.plugins.relay import specs
from umbral_chat._core.settings.effective import Settings, shown
from umbral_chat._core.settings.environ import variable
from umbral_chat._core.settings.load import CORE_SECTIONS
from umbral_chat._core.settings.packages import PACKAGES
from umbral_chat._core.settings.schema import Field, fields, leaves
from umbral_chat.errors import PluginError
from umbral_chat.settings import Section
from umbral_chat.telemetry.registry import METRICS, Label, Metric
from umbral_chat_streaming.ws import asyncapi

from tools.reference.public_api import public_api_page

if TYPE_CHECKING:
    from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
    from umbral_chat._core.parts import ServiceParts

MADE = "<!-- Made by `python -m tools.reference.pages docs/reference`; a test holds it equal. -->\n"

HOOKS = """\
# Hooks

A plugin is a module, or an instance, that an entry point of the group `umbral_chat` names. The entry point's name is
the plugin's, and its section's in the settings. It implements the hooks that it needs, marked with
`umbral_chat.hookimpl`:

```toml
[project.entry-points.umbral_chat]
acme = "acme_chat.plugin"
```

All hooks are synchronous, do no I/O and return objects; what is asynchronous are the methods of those objects. An
implementation may leave out parameters that it does not need. Refused when the plugin is loaded, since pluggy would get
them wrong in silence: a name that is no hook, `async def`, parameters by keyword only or with a default, `*args` and
`**kwargs`, hook wrappers.

A plugin that cannot be imported, breaks one of these rules or asks for another core is not active, and the others go
on; `umbral-chat plugins` says why and what to do. A hook that raises stops the start with the plugin's name, except for
offers, checks and commands: those are logged, shown by `umbral-chat plugins`, and left out. Plugins are called in the
order of their names; where order matters, what they return carries a rank.
"""

SETTINGS = """\
# Settings

One TOML file, and environment variables over it. The file is the one of `--config`, else the one that
`UMBRAL_CHAT_CONFIG` names, else `umbral-chat.toml` in the working directory if it is there. A variable is named
`UMBRAL_CHAT_SECTION__KEY`, with `__SUBKEY` for what is in a table: `UMBRAL_CHAT_CORE__LIMITS__PAGE=100`. Text and
numbers are written as they are, true and false also as 1 and 0, yes and no, on and off; lists and tables as JSON;
nothing at all unsets what may be unset. An unknown section, key or variable is an error. `umbral-chat config` shows
every setting in force and where it came from; secrets are never shown.

`UMBRAL_CHAT_URL` and `UMBRAL_CHAT_KEY` are no settings: the command-line client connects with them.
"""

METRICS_INTRO = """\
# Metrics

Served at `/metrics` for Prometheus, and pushed over OTLP (HTTP, protobuf) when `OTEL_EXPORTER_OTLP_ENDPOINT` or
`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is set or `OTEL_METRICS_EXPORTER` names `otlp`; `OTEL_METRICS_EXPORTER=none` keeps
them from being pushed. Interval, headers, timeouts and certificates are the standard `OTEL_…` variables. The service's
name is `umbral-chat` unless `OTEL_SERVICE_NAME` says otherwise. `telemetry.metrics = false` or `OTEL_SDK_DISABLED=true`
turns all of it off.

The metrics of a plugin are there where it is active. A label that is open takes the names that plugins choose; past its
limit they are counted as `other`.
"""


def hooks_page() -> str:
    """Every hook with its exact signature and when it is called."""
    parts = [MADE, HOOKS]
    for name in specs():
        function = getattr(hookspecs, name)
        parts.append(f"\n## {name}\n\n```python\n{signature(function)}\n```\n\n{_docstring(function)}\n")
    return "".join(parts)


def signature(function: Callable[..., Any]) -> str:
    """The function's signature on one line, as in the source."""
    found = inspect.signature(function)
    parameters = ", ".join(f"{name}: {parameter.annotation}" for name, parameter in found.parameters.items())
    return f"def {function.__name__}({parameters}) -> {found.return_annotation}"


def settings_page(sections: Mapping[str, type[Section]]) -> str:
    """The core's sections and `sections`, every setting with its type, default, variable and meaning."""
    return "".join([MADE, SETTINGS, *(_section(name, kind) for name, kind in {**CORE_SECTIONS, **sections}.items())])


def _section(name: str, kind: type[Section]) -> str:
    lines = [
        f"\n## [{name}]\n\n{_docstring(kind)}\n",
        "| setting | is | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    tables: list[str] = []
    for dotted, field in leaves(kind, name):
        lines.append(f"| `{dotted}` | {_cell(field.words)} | {_default(field)} | {_cell(field.description)} |")
        rows = _row_kind(field)
        if rows is not None:
            tables.append(_rows(f"[{dotted}.NAME]" if hasattr(field.info, "value_type") else f"[[{dotted}]]", rows))
    lines.append(f"\nIn the environment, for example: `{variable(next(leaves(kind, name))[0])}`.")
    return "\n".join(lines) + "\n" + "".join(tables)


def _rows(dotted: str, kind: type[msgspec.Struct]) -> str:
    described = any(field.description for field in fields(kind).values())
    lines = [
        f"\n### {dotted}\n\n{_docstring(kind)}\n",
        f"| key | is | default |{' meaning |' if described else ''}",
        "|" + " --- |" * (4 if described else 3),
    ]
    for key, field in fields(kind).items():
        default = "must be set" if field.required else _default(field)
        meaning = f" {_cell(field.description)} |" if described else ""
        lines.append(f"| `{key}` | {_cell(field.words)} | {default} |{meaning}")
    return "\n".join(lines) + "\n"


def _row_kind(field: Field) -> type[msgspec.Struct] | None:
    item = getattr(field.info, "item_type", None) or getattr(field.info, "value_type", None)
    return getattr(item, "cls", None) if hasattr(item, "fields") else None


def _default(field: Field) -> str:
    value = shown(field.default)
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`".replace("'", '"')


def metrics_page(plugins: Mapping[str, Iterable[Metric]]) -> str:
    """Every metric of the core, and of each plugin by its package, with its names, kind, unit, labels and meaning."""
    parts = [MADE + METRICS_INTRO, *_metrics_table(METRICS)]
    for package, metrics in plugins.items():
        parts += ["", f"## {package}", "", *_metrics_table(metrics)]
    return "\n".join(parts) + "\n"


def _metrics_table(metrics: Iterable[Metric]) -> list[str]:
    lines = ["| metric | in Prometheus | kind | unit | labels | meaning |", "|" + " --- |" * 6]
    for metric in metrics:
        labels = "; ".join(_label(label) for label in metric.labels)
        buckets = f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}." if metric.buckets else ""
        lines.append(
            f"| `{metric.name}` | `{prometheus_name(metric)}` | {metric.kind} | `{metric.unit}` | {labels} "
            f"| {_cell(metric.description)}{buckets} |"
        )
    return lines


def first_party_metrics() -> dict[str, list[Metric]]:
    """The metrics of this project's plugins that are installed, by package: what its module `metrics` declares."""
    found = {}
    for package in PACKAGES.values():
        name = f"{package.name.replace('-', '_')}.metrics"
        with suppress(ModuleNotFoundError):  # it has none, or is not installed
            values = vars(import_module(name)).values()
            groups = [value for value in values if isinstance(value, tuple) and value and isinstance(value[0], Metric)]
            found[package.name] = [metric for group in groups for metric in group]
    return found


def prometheus_name(metric: Metric) -> str:
    """The metric's name in the Prometheus exposition format."""
    unit = {"s": "_seconds", "By": "_bytes"}.get(metric.unit, "")
    name = metric.name.replace(".", "_")
    return name + ("" if name.endswith(unit) else unit) + ("_total" if metric.kind == "counter" else "")


def _label(label: Label) -> str:
    values = ", ".join(f"`{value}`" for value in label.values)
    more = f"open, at most {label.limit}" if label.open else ""
    return f"`{label.name}`: {', '.join(part for part in (values, more) if part)}"


def _docstring(thing: Any) -> str:
    summary, _, rest = (thing.__doc__ or "").partition("\n")
    return (summary + "\n" + dedent(rest)).strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def first_party_sections() -> dict[str, type[Section]]:
    """The sections of this project's plugins that are installed, in the order of the packages.

    Raises PluginError if one is installed and cannot be used: the page would lack it.
    """
    host = PluginHost.load()
    for status in host.statuses:
        if status.name in PACKAGES and status.state != "active":
            raise PluginError(f"Plugin {status.label} is {status.state}: {status.reason} {status.mend}")
    found = host.sections()
    return {name: found[name] for name in PACKAGES if name in found}


def first_party_handlers(parts: ServiceParts | None = None) -> list[BaseRouteHandler]:
    """The routes of the core and of this project's plugins that are installed."""
    from umbral_chat._core.app import handlers

    return handlers(parts or first_party_parts())


def first_party_parts() -> ServiceParts:
    """The parts of a service with this project's plugins that are installed, and no others."""
    from umbral_chat._core.service import Service
    from umbral_chat.clock import SystemClock

    others = {status.name for status in PluginHost.load().statuses} - set(PACKAGES)
    host = PluginHost.load(disabled=others)
    # With default settings, so that none of this machine's show in a page. The app is not started: nothing is opened.
    settings = Settings(plugins={name: kind() for name, kind in host.sections().items()})
    return Service(settings, host, SystemClock()).parts


def rights_page(handlers: Sequence[BaseRouteHandler]) -> str:
    """Every right, and the right that each route needs."""
    from umbral_chat._core.http.openapi import documented, openapi_path, routes

    return rights.render(
        (str(method), openapi_path(path), handler.opt["right"], handler.summary or "")
        for handler in cast("Iterable[HTTPRouteHandler]", documented([*handlers, *routes(handlers)]))
        for path in handler.paths
        for method in sorted(handler.http_methods)
    )


def pages() -> dict[str, str]:
    """The text of every page, by file name."""
    from umbral_chat._core.http.openapi import document

    handlers = first_party_handlers()
    return {
        "api.md": MADE + api_page(document(handlers)),
        "asyncapi.json": json.dumps(asyncapi.document(), indent=2, ensure_ascii=False) + "\n",
        "errors.md": MADE + errors_page(),
        "hooks.md": hooks_page(),
        "metrics.md": metrics_page(first_party_metrics()),
        "public-api.md": MADE + public_api_page(),
        "rights.md": MADE + rights_page(handlers),
        "settings.md": settings_page(first_party_sections()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages into a directory; with `--check`, only report those that are stale. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference.pages", description=main.__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    stale = 0
    for name, text in pages().items():
        file = options.directory / name
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        sys.stdout.write(f"{file} {'is stale' if options.check else 'written'}\n")
        if not options.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

__all__ = [
    "first_party_handlers",
    "first_party_metrics",
    "first_party_parts",
    "hooks_page",
    "metrics_page",
    "pages",
    "prometheus_name",
    "rights_page",
    "settings_page",
    "signature",
]
