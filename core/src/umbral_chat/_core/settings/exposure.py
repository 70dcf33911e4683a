"""What an address that others reach asks for."""

from __future__ import annotations

from umbral_chat._core.runtime.addresses import is_loopback
from umbral_chat._core.settings.sections import Core
from umbral_chat.errors import SettingsError


def check_exposure(core: Core) -> None:
    """Refuse to listen where others reach the service while every caller may do all.

    Raises SettingsError with the mend. Called before serving, not when settings are read: looking at them is harmless.
    """
    if core.keys or is_loopback(core.host):
        return
    raise SettingsError(
        f"core.host is {core.host!r}, which others can reach, and there is no service key, so every caller could do "
        'everything. Set a key, as UMBRAL_CHAT_CORE__KEYS=\'[{"name": "n8n", "key": "…"}]\' or as [[core.keys]] '
        "in the file (openssl rand -hex 32 draws one), or listen on 127.0.0.1."
    )


__all__ = ["check_exposure"]
