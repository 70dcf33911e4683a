"""What an address that others reach asks for."""

from __future__ import annotations

import ipaddress

from umbral_chat.errors import SettingsError
from umbral_chat.settings.sections import Core


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there. A name other than localhost is not resolved: no."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


__all__ = ["check_exposure", "is_loopback"]
