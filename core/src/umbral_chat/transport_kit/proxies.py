"""Which proxy the environment names for a URL: one reading for the command line, calls of other services and sockets.

The libraries read the variables each in their own way: one ends with a traceback for SOCKS or an IPv6 network in
NO_PROXY, another takes HTTPS_PROXY for plain sockets too, and both send this machine's own loopback to the proxy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from umbral_chat._core.runtime.addresses import is_loopback
from umbral_chat.errors import SettingsError

_VARIABLES = {"http": "http_proxy", "ws": "http_proxy", "https": "https_proxy", "wss": "https_proxy"}

_HERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to connect to, not to listen on
"""Addresses of no machine, by which this one is reached, too."""

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def proxy_for(url: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The address of the proxy for `url` (http, https, ws or wss), None where it is asked directly.

    As curl has it: `http_proxy` for http and ws, `https_proxy` for https and wss, else `all_proxy`; in lower case or,
    where that is not set, in upper case. Not asked for what `no_proxy` names, and never for loopback.

    Raises SettingsError that names the variable, and repeats nothing of it, when it is no http:// or https:// address.
    """
    environ = os.environ if environ is None else environ
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if (
        is_loopback(host)
        or host in _HERE
        or host.endswith(".localhost")
        or _is_excepted(parts, _value(environ, "no_proxy")[1])
    ):
        return None
    for name in (_VARIABLES.get(parts.scheme, "all_proxy"), "all_proxy"):
        variable, value = _value(environ, name)
        if value:
            return _checked(variable, value, host)
    return None


def _value(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    variable = name if name in environ else name.upper()
    return variable, environ.get(variable, "").strip()


def _checked(variable: str, value: str, host: str) -> str:
    address = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and parts.port != 0 and address.isascii() and address.isprintable()
    except ValueError:  # an address or a port that is none
        usable, scheme = False, ""
    else:
        scheme = parts.scheme
    mend = f"set {variable} to an address such as http://proxy.example:3128, or name {host} in NO_PROXY."
    if scheme.startswith("socks"):
        raise SettingsError(f"The environment variable {variable} names a SOCKS proxy, and none is used here: {mend}")
    if not usable or scheme not in {"http", "https"}:
        raise SettingsError(f"The environment variable {variable} is no address of a proxy: {mend}")
    return address


def _is_excepted(parts: SplitResult, listed: str) -> bool:
    """Whether one of the names, addresses and networks, after commas or spaces, is about the host."""
    host = (parts.hostname or "").lower().rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme)
    return any(_fits(entry.lower(), host, port) for entry in listed.replace(",", " ").split())


def _fits(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    entry = entry.partition("://")[2] or entry
    try:
        # An IPv6 address has colons of its own, in brackets or not.
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    name, colon, after = entry.rpartition(":")
    if colon and after.isascii() and after.isdigit():
        if int(after[:6]) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


__all__ = ["proxy_for"]
