"""Rules for the core's settings that their types cannot express: service keys, CORS origins, the listening address."""

from __future__ import annotations

import hashlib
import re
from typing import get_args
from urllib.parse import urlsplit

from umbral_chat._core.runtime.addresses import is_loopback
from umbral_chat._core.settings.origin import DEFAULT, Origin
from umbral_chat._core.settings.sections import Core, Key
from umbral_chat._core.settings.suggestions import suggestion
from umbral_chat.errors import SettingsError
from umbral_chat.providers.auth import Right

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+\Z")
"""What an `Authorization: Bearer` header can carry."""


KEY_LEAST = 12
"""Fewest characters of a key. A shorter one can be guessed, or is a placeholder."""

_SHORT = frozenset(hashlib.sha256(key.encode()).hexdigest() for key in ("", *map(chr, range(0x21, 0x7F))))
"""Digests of the keys of no character, or one: an unset variable in a script yields these, for example."""

GOOD_KEY = "A good one: openssl rand -hex 32"


def check_keys(core: Core, origin: Origin = DEFAULT) -> None:
    """Each key has one of `key` and `sha256`, a name and a secret of its own, and rights that exist.

    Raises SettingsError, which never repeats a key.
    """
    names: dict[str, int] = {}
    digests: dict[str, str] = {}
    for index, key in enumerate(core.keys):
        where = f"core.keys[{index}]"
        if key.name in names:
            raise SettingsError(
                f"{where}.name is {key.name!r} ({origin}), as that of core.keys[{names[key.name]}]: names are unique."
            )
        names[key.name] = index
        digest = _digest(key, where, origin)
        if digest in digests:
            raise SettingsError(
                f"{where} {key.name!r} ({origin}) has the same key as {digests[digest]!r}: callers with it "
                "could not be distinguished."
            )
        digests[digest] = key.name
        _check_rights(key, where, origin)


def _digest(key: Key, where: str, origin: Origin) -> str:
    if (key.key is None) == (key.sha256 is None):
        which = "neither" if key.key is None else "both"
        raise SettingsError(
            f"{where} {key.name!r} ({origin}) has {which} of key and sha256: give exactly one. sha256 is the key's "
            "SHA-256 in 64 hex digits, so that the file holds no secret."
        )
    if key.key is None:
        if key.sha256 in _SHORT:
            raise SettingsError(
                f"{where}.sha256 of {key.name!r} ({origin}) is that of a key with fewer than two characters, which "
                f"would be guessed. {GOOD_KEY}"
            )
        return str(key.sha256)
    if not _HEADER_TEXT.match(key.key.reveal()):
        raise SettingsError(
            f"{where}.key of {key.name!r} ({origin}) must be visible ASCII characters without spaces, for it travels "
            f"in a header. {GOOD_KEY}"
        )
    if len(key.key.reveal()) < KEY_LEAST:
        raise SettingsError(
            f"{where}.key of {key.name!r} ({origin}) has fewer than {KEY_LEAST} characters, and would be guessed. "
            f"{GOOD_KEY}"
        )
    return hashlib.sha256(key.key.reveal().encode()).hexdigest()


def _check_rights(key: Key, where: str, origin: Origin) -> None:
    known = get_args(Right)
    for right in key.rights:
        if right != "*" and right not in known:
            raise SettingsError(
                f"{where}.rights of {key.name!r} ({origin}) has {right!r}: "
                f"{suggestion(right, known, what='there are * (all) and')}"
            )


_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?\Z")
"""How a browser writes an origin (RFC 6454, 6.2): in lower case, with punycode for other letters, and no path."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
"""A browser leaves these out."""


def check_cors_origins(core: Core, origin: Origin = DEFAULT) -> None:
    """Each origin is one that a browser can send. Raises SettingsError, with the origin that was probably meant."""
    for index, value in enumerate(core.cors_origins):
        if value in {"*", "null"} or (_ORIGIN.match(value) and not _has_default_port(value)):
            continue
        if "@" in value:  # checked first: the other error would quote it
            raise SettingsError(
                f"core.cors_origins[{index}] ({origin}) has a user's name or password in it (before @). An origin has "
                "neither: leave it out."
            )
        meant = _meant(value)
        mend = f"Write {meant!r}" if meant else "Write scheme://host or scheme://host:port, as https://shop.example"
        raise SettingsError(
            f"core.cors_origins[{index}] is {value!r} ({origin}), which no browser sends: an origin has a scheme, a "
            f"host in lower case and a port where it is not the scheme's own, and no path or slash at its end. {mend}."
        )


def _has_default_port(value: str) -> bool:
    parts = urlsplit(value)
    return parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme)


def _meant(value: str) -> str | None:
    """The origin of the given address, if it is recognizable."""
    text = value.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port, host = parts.port, (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        return None
    shown = f"[{host}]" if ":" in host else host
    meant = f"{parts.scheme}://{shown}"
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        meant += f":{port}"
    return meant if _ORIGIN.match(meant) else None


def check_exposure(core: Core) -> None:
    """Refuse to listen on an address that others can reach while no key is configured.

    Raises SettingsError that says how to mend it. Called before serving, not when settings are read, which is harmless.
    """
    if core.keys or is_loopback(core.host):
        return
    raise SettingsError(
        f"core.host is {core.host!r}, which others can reach, and there is no service key, so every caller could do "
        'everything. Set a key, as UMBRAL_CHAT_CORE__KEYS=\'[{"name": "n8n", "key": "…"}]\' or as [[core.keys]] '
        "in the file (openssl rand -hex 32 draws one), or listen on 127.0.0.1."
    )


__all__ = ["check_cors_origins", "check_exposure", "check_keys"]
