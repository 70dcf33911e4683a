"""Reading the settings: defaults, then one TOML file, then the environment, then the command line's options."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

from umbral_chat._core.settings import environ as env
from umbral_chat._core.settings import sections as own
from umbral_chat._core.settings.build import GivenSettings, SectionTypes, build, flatten_section
from umbral_chat._core.settings.checks import check_cors_origins, check_keys
from umbral_chat._core.settings.effective import Settings
from umbral_chat._core.settings.origin import DEFAULT, Origin
from umbral_chat._core.settings.packages import package_of
from umbral_chat._core.settings.renamed import rename_tables, rename_variable
from umbral_chat._core.settings.suggestions import suggestion
from umbral_chat.errors import SettingsError
from umbral_chat.model.depth import DEPTH, value_is_deeper

DEFAULT_FILE = "umbral-chat.toml"
CORE_SECTIONS: Mapping[str, type[own.Section]] = {
    "core": own.Core,
    "realtime": own.Realtime,
    "runs": own.Runs,
    "telemetry": own.Telemetry,
}


def load(
    path: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    sections: Mapping[str, type[own.Section]] | None = None,
    *,
    inactive: Collection[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Settings:
    """The effective settings.

    `path` is the file (else the variable UMBRAL_CHAT_CONFIG, else ./umbral-chat.toml if it exists). `sections` are
    the active plugins' sections, `inactive` names plugins that are installed and not active: their sections are
    accepted unchecked. `options` are dotted keys set on the command line; None is not set. Raises SettingsError.
    """
    kinds: dict[str, type[own.Section]] = {**CORE_SECTIONS, **(sections or {})}
    file = find_file(path, environ)
    given: GivenSettings = {}
    if file is not None:
        _flatten_file(kinds, inactive, file, given)
    for name in env.names(environ):
        known = rename_variable(name, environ)
        section = None if known is None else env.path_of(known)[0]
        if known is not None and section is not None and section not in inactive:
            _check_section(kinds, section, name)
            flatten_section(kinds, section, env.table(kinds, known, environ[name]), Origin("environment", name), given)
    for dotted, value in (options or {}).items():
        if value is not None:
            section, *keys = dotted.split(".")
            table = env.nested(keys, value)
            flatten_section(kinds, section, table, Origin("option", f"--{keys[-1].replace('_', '-')}"), given)
    built = {name: build(kind, name, given) for name, kind in kinds.items()}
    settings = Settings(
        core=cast("own.Core", built["core"]),
        realtime=cast("own.Realtime", built["realtime"]),
        runs=cast("own.Runs", built["runs"]),
        telemetry=cast("own.Telemetry", built["telemetry"]),
        plugins={name: section for name, section in built.items() if name not in CORE_SECTIONS},
        origins={dotted: origin for dotted, (_, origin) in given.items()},
        file=file,
    )
    check_keys(settings.core, settings.origin("core.keys"))
    check_cors_origins(settings.core, settings.origin("core.cors_origins"))
    return settings


def disabled_plugins(
    path: str | Path | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[list[str], Origin]:
    """`core.disabled_plugins` and its origin. Read before the plugins are loaded; other settings are not checked."""
    key = "disabled_plugins"
    given: GivenSettings = {}
    file = find_file(path, environ)
    core = read_file(file).get("core") if file is not None else None
    if isinstance(core, dict) and key in core:
        flatten_section(CORE_SECTIONS, "core", {key: core[key]}, Origin("file", str(file)), given)
    name = env.variable(f"core.{key}")
    if name in environ:
        table = env.table(CORE_SECTIONS, name, environ[name])
        flatten_section(CORE_SECTIONS, "core", table, Origin("environment", name), given)
    return build(own.Core, "core", given).disabled_plugins, given.get(f"core.{key}", (None, DEFAULT))[1]


def find_file(path: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read. A named file must exist; the default one may be missing. Raises SettingsError."""
    named = path or environ.get(env.CONFIG)
    if not named:
        default = Path(DEFAULT_FILE)
        return default if default.is_file() else None
    file = Path(named)
    if not file.is_file():
        source = "" if path else f" (environment {env.CONFIG})"
        raise SettingsError(f"There is no settings file {file}{source}.")
    return file


def read_file(file: Path) -> dict[str, Any]:
    """The file's tables. Raises SettingsError when it cannot be read or is not TOML."""
    try:
        # utf-8-sig: editors on Windows put a byte order mark in front, which TOML refuses.
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"The settings file {file} is not UTF-8 (byte {error.start}).") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {file} is not TOML: {error}.") from None
    except RecursionError:
        raise _too_deep(file, None) from None
    for section, table in tables.items():
        if value_is_deeper(table, DEPTH):
            raise _too_deep(file, section)
    return tables


def _too_deep(file: Path, section: str | None) -> SettingsError:
    where = f"The settings file {file}" if section is None else f"[{section}] in the settings file {file}"
    return SettingsError(f"{where} is nested deeper than {DEPTH} levels, which no setting is.")


def _flatten_file(kinds: SectionTypes, inactive: Collection[str], file: Path, given: GivenSettings) -> None:
    origin = Origin("file", str(file))
    for section, table in rename_tables(read_file(file), origin).items():
        if section in inactive:
            continue
        if section not in kinds and not isinstance(table, dict):
            raise SettingsError(f"{section} ({origin}) is outside of a section: settings are keys of {_listed(kinds)}.")
        _check_section(kinds, section, str(origin))
        flatten_section(kinds, section, table, origin, given)


def _check_section(kinds: SectionTypes, section: str, source: str) -> None:
    if section in kinds:
        return
    if "__" not in source and source.startswith(env.PREFIX):
        raise env.unknown_variable(kinds, source)
    if package := package_of(section):
        raise SettingsError(
            f"[{section}] ({source}) belongs to {package.name}, which is not installed: {package.install}"
        )
    raise SettingsError(f"Unknown section [{section}] ({source}): {suggestion(section, kinds, what='sections')}")


def _listed(kinds: SectionTypes) -> str:
    return ", ".join(f"[{name}]" for name in kinds)


__all__ = ["CORE_SECTIONS", "DEFAULT_FILE", "disabled_plugins", "find_file", "load", "read_file"]
