"""What the types cannot say of the service keys."""

from __future__ import annotations

import hashlib
import re
from typing import get_args

from umbral_chat._core.settings.exposure import check_exposure
from umbral_chat._core.settings.nearest import mend
from umbral_chat._core.settings.origin import DEFAULT, Origin
from umbral_chat._core.settings.sections import Core, Key
from umbral_chat.errors import SettingsError
from umbral_chat.providers.auth import Right

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+\Z")
"""What an `Authorization: Bearer` header can carry."""


KEY_LEAST = 12
"""Fewest characters of a key. A shorter one can be guessed, or is a placeholder that was left."""

_SHORT = frozenset(hashlib.sha256(key.encode()).hexdigest() for key in ("", *map(chr, range(0x21, 0x7F))))
"""Digests of the keys that have no character, or one: what a variable that was not set becomes, for one."""

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
                f"{where} {key.name!r} ({origin}) has the same key as {digests[digest]!r}: who calls could not be told."
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
                f"{mend(right, known, what='there are * (all) and')}"
            )


__all__ = ["check_exposure", "check_keys"]
