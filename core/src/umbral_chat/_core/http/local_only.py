"""Which requests without credentials are accepted where no keys are configured: those of programs on this machine, and
of pages of this service. Pure.

Without keys every caller that reaches the port has all rights. Besides the operator's programs, three kinds of callers
reach a loopback port: the clients of a reverse proxy on this machine, pages in the operator's browser, and pages whose
host name resolves to loopback (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from umbral_chat.errors import Forbidden

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Host names that requests may be sent to without keys."""

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
"""Prefixes of the names of such headers."""


def check_local(headers: Iterable[tuple[bytes, bytes]], *, http_version: str, origins: frozenset[str]) -> None:
    """Let a request without credentials pass, or raise Forbidden.

    `behind_proxy`: it has a header of `PROXY_HEADERS` or `PROXY_PREFIXES`, or uses HTTP/1.0, the default of nginx
    before 1.29.7. A proxy that adds no header and uses HTTP/1.1 (newer nginx without settings, HAProxy) cannot be
    distinguished from a program of this machine: only a key keeps its clients out. `not_loopback`: its Host is another.
    `foreign_origin`: a page of another origin sent it, another port of this machine included, and `origins`
    (`core.cors_origins`) does not list that origin. Browsers send `Origin` (Fetch, 3.2), `Sec-Fetch-Site` (Fetch
    Metadata, 2.3) where a plain GET has no `Origin`, and old ones only `Referer`.
    """
    sent_values: dict[bytes, bytes] = {}
    for sent, value in headers:
        name = sent.replace(b"_", b"-")  # applications that read CGI variables cannot distinguish the two
        if name in PROXY_HEADERS or name.startswith(PROXY_PREFIXES):
            raise _behind_proxy(f"carries the header {name.decode('latin-1')}, which a proxy adds")
        if name in _CONTEXT_HEADERS:
            if name in sent_values and name != b"host":
                raise _foreign(value)  # which of the two the browser sent is unknown
            if name == b"host" and not _names_loopback(b"//" + value):
                raise Forbidden("Without keys the service answers only to a loopback name.", code="not_loopback")
            sent_values[name] = value
    if http_version == "1.0":
        raise _behind_proxy("uses HTTP/1.0, as proxies do")
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
        # `none`: the user typed the address or followed a bookmark.
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
    except ValueError:  # brackets without an address in them
        return False


def _behind_proxy(reason: str) -> Forbidden:
    return Forbidden(
        f"This request has no credentials and {reason}. Without keys every caller is the administrator, so requests "
        "through a proxy are refused: set core.keys, and send `Authorization: Bearer KEY`.",
        code="behind_proxy",
    )


def _foreign(origin: bytes) -> Forbidden:
    return Forbidden(
        f"Without keys the service takes no requests of pages from {origin[:200].decode('latin-1')}: set core.keys, or "
        "name the page's origin in core.cors_origins.",
        code="foreign_origin",
    )


__all__ = ["LOOPBACK", "PROXY_HEADERS", "PROXY_PREFIXES", "check_local"]
