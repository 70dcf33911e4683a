"""What the types cannot say of the origins whose pages may call the API."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from umbral_chat._core.settings.origin import DEFAULT, Origin
from umbral_chat._core.settings.sections import Core
from umbral_chat.errors import SettingsError

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?\Z")
"""How a browser writes an origin (RFC 6454, 6.2): in lower case, with punycode for other letters, and no path."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
"""A browser leaves these out."""


def check_cors_origins(core: Core, origin: Origin = DEFAULT) -> None:
    """Each origin is one that a browser can send. Raises SettingsError with the one that was meant, where it is
    known."""
    for index, value in enumerate(core.cors_origins):
        if value in {"*", "null"} or (_ORIGIN.match(value) and not _has_default_port(value)):
            continue
        if "@" in value:  # before anything repeats it
            raise SettingsError(
                f"core.cors_origins[{index}] ({origin}) has a user's name or password in it (before @). An origin has "
                "none: leave it out."
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
    """The origin of the address that was written, if it can be told."""
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


__all__ = ["check_cors_origins"]
