"""Who may call without credentials where there are no keys: programs of this machine, and pages of this service. Pure.

Without keys whoever reaches the port may do all. Three others reach a loopback port besides the operator's programs:
the clients of a reverse proxy on this machine, the pages that the operator's browser shows, and names that resolve to
loopback.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from umbral_chat.errors import Forbidden

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names under which the service answers without keys."""

PROXY_HEADERS: Final = frozenset(
    {
        b"forwarded",  # RFC 7239
        b"via",  # RFC 9110, 7.6.3
        b"cdn-loop",  # RFC 8586
        b"client-ip",
        b"forwarded-for",
        b"front-end-https",  # IIS, Outlook's gateway
        b"max-forwards",  # RFC 9110, 7.6.2: of proxies alone, beside TRACE and OPTIONS
        b"x-forward-for",
        b"x-http-forwarded-for",
        b"x-nginx-proxy",
        b"x-request-start",  # Heroku, nginx
        b"x-rewrite-url",  # IIS
        b"x-url-scheme",
        b"x-varnish",
        b"x-via",
        b"do-connecting-ip",  # DigitalOcean
        b"proxy-connection",
        b"real-ip",
        b"remote-addr",
        b"true-client-ip",  # Akamai, Cloudflare
        b"wl-proxy-client-ip",  # WebLogic
        b"x-amz-cf-id",  # CloudFront
        b"x-amzn-trace-id",  # AWS load balancers
        b"x-appengine-remote-addr",
        b"x-appengine-user-ip",
        b"x-client-ip",
        b"x-cloud-trace-context",  # Google load balancers
        b"x-cluster-client-ip",
        b"x-nf-client-connection-ip",  # Netlify
        b"x-proxyuser-ip",
        b"x-proxy-client-ip",
        b"x-real-ip",  # nginx, Traefik
        b"x-remote-addr",
        b"x-remote-ip",
        b"x-scheme",  # ingress-nginx
    }
)
"""Headers that reverse proxies, tunnels and networks in front of a service add."""

PROXY_PREFIXES: Final = (
    b"x-forwarded",  # Caddy, Traefik, Apache, ngrok, cloudflared; X-Forwarded-For, -Host, -Proto, -Server, -User …
    b"x-original-",  # ingress-nginx, IIS; X-Original-Forwarded-For, -Host, -URL
    b"x-arr-",  # IIS' Application Request Routing
    b"x-azure-",
    b"x-envoy-",
    b"x-vercel-",
    b"cf-",  # Cloudflare; CF-Connecting-IP, CF-Ray
    b"fastly-",
    b"fly-",
    b"tailscale-",  # `tailscale serve`
)
"""Beginnings of such headers."""


def check_local(headers: Iterable[tuple[bytes, bytes]], *, http_version: str, origins: frozenset[str]) -> None:
    """Let a request without credentials pass, or raise Forbidden.

    `behind_proxy`: it carries a header of `PROXY_HEADERS` or `PROXY_PREFIXES`, or speaks HTTP/1.0, as nginx
    did by its defaults before 1.29.7. What adds nothing and speaks HTTP/1.1 cannot be told from a program of this
    machine: newer nginx without settings, HAProxy. Only a key keeps those out. `not_loopback`: it names another host.
    `foreign_origin`: a page of another origin sent it, also of another port of this machine, and `origins`
    (`core.cors_origins`) does not list it. Browsers tell by `Origin` (Fetch, 3.2), by `Sec-Fetch-Site` (Fetch Metadata,
    2.3) where a plain GET has no `Origin`, and old ones by `Referer` alone.
    """
    sent_values: dict[bytes, bytes] = {}
    for sent, value in headers:
        name = sent.replace(b"_", b"-")  # applications that read variables of CGI cannot tell the two apart
        if name in PROXY_HEADERS or name.startswith(PROXY_PREFIXES):
            raise _behind_proxy(f"carries the header {name.decode('latin-1')}, which a proxy adds")
        if name in _CONTEXT_HEADERS:
            if name in sent_values and name != b"host":
                raise _foreign(value)  # which of the two a browser sent cannot be known
            if name == b"host" and not _names_loopback(b"//" + value):
                raise Forbidden("Without keys the service answers only to a loopback name.", code="not_loopback")
            sent_values[name] = value
    if http_version == "1.0":
        raise _behind_proxy("speaks HTTP/1.0, as proxies do")
    _check_page(sent_values, origins)


_CONTEXT_HEADERS = frozenset({b"host", b"origin", b"referer", b"sec-fetch-site"})


def _check_page(sent_values: dict[bytes, bytes], origins: frozenset[str]) -> None:
    host, origin = sent_values.get(b"host", b""), sent_values.get(b"origin")
    if origin is not None:
        if origin.decode("latin-1") not in origins and not _same(origin, host):
            raise _foreign(origin)
        return
    site = sent_values.get(b"sec-fetch-site")
    if site is not None:
        # `none`: somebody typed the address or followed a bookmark.
        if site.lower() not in {b"same-origin", b"none"}:
            raise _foreign(site)
        return
    referer = sent_values.get(b"referer")
    if referer is not None and not _same(referer, host):
        raise _foreign(b"elsewhere")


def _same(url: bytes, host: bytes) -> bool:
    scheme, _, rest = url.partition(b"://")
    authority = rest.partition(b"/")[0].lower()
    return scheme.lower() in {b"http", b"https"} and authority != b"" and authority == host.lower()


@lru_cache(maxsize=64)
def _names_loopback(url: bytes) -> bool:
    try:
        return urlsplit(url.decode("latin-1")).hostname in LOOPBACK
    except ValueError:  # brackets that hold no address
        return False


def _behind_proxy(reason: str) -> Forbidden:
    return Forbidden(
        f"This request has no credentials and {reason}. Without keys every caller is the administrator, so nobody "
        "is let in through a proxy: set core.keys, and send `Authorization: Bearer KEY`.",
        code="behind_proxy",
    )


def _foreign(origin: bytes) -> Forbidden:
    return Forbidden(
        f"Without keys the service takes no requests of pages from {origin[:200].decode('latin-1')}: set core.keys, or "
        "name the page's origin in core.cors_origins.",
        code="foreign_origin",
    )


__all__ = ["LOOPBACK", "PROXY_HEADERS", "PROXY_PREFIXES", "check_local"]
