"""The section `supabase`."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta
from umbral_chat.settings import Positive, Seconds, Secret, Section


class Supabase(Section, frozen=True):
    """A Supabase project: its logs, its users, its Realtime."""

    url: Annotated[
        str | None,
        Meta(description="URL of the project, as https://abcdefghijklm.supabase.co. Unset, this plugin does nothing."),
    ] = None
    key: Annotated[
        Secret | None,
        Meta(description="The project's secret key (`sb_secret_…`), or its legacy `service_role` key."),
    ] = None
    publishable_key: Annotated[
        str | None,
        Meta(description="The key that browsers may have (`sb_publishable_…`, or the legacy `anon` key)."),
    ] = None
    history: Annotated[bool, Meta(description="Keep the logs and the shared store in the project's database.")] = True
    users: Annotated[bool, Meta(description="Know the project's signed-in users.")] = True
    direct: Annotated[
        bool,
        Meta(
            description="Offer users their conversations' own channels of the project's Realtime, to receive only. "
            "Needs `publishable_key`, and the logs in the project's database."
        ),
    ] = True
    public_url: Annotated[
        str | None,
        Meta(
            description="URL under which browsers reach the project, where it is not `url`, as with a Supabase of "
            "one's own."
        ),
    ] = None
    operator_key: Annotated[
        str | None,
        Meta(
            description="Name of the key (`core.keys`) with whose rights users who are operators work at the inbox. "
            "Unset, no user is one.",
        ),
    ] = None
    operator_claim: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=128,
            description="Name of what makes a user an operator: in its `app_metadata`, this is `agent` or a list with "
            "`agent` in it.",
        ),
    ] = "chat_role"
    anonymous_users: Annotated[bool, Meta(description="Know users who signed in anonymously, too.")] = False
    jwt_secret: Annotated[
        Secret | None,
        Meta(description="The legacy JWT secret, for projects that still sign users' tokens with HS256."),
    ] = None
    issuer: Annotated[
        str | None, Meta(description="`iss` of users' tokens; unset, the URL with /auth/v1 after it.")
    ] = None
    audience: Annotated[str, Meta(description="`aud` of users' tokens.")] = "authenticated"
    leeway: Annotated[
        float, Meta(ge=0, le=300, description="Seconds that clocks may differ where users' tokens are checked.")
    ] = 10.0
    membership_ttl: Annotated[
        Seconds,
        Meta(
            le=300,
            description="Seconds for which it is remembered who is a member: the bound within which a removal and a "
            "log-out take effect.",
        ),
    ] = 5.0
    jwks_ttl: Annotated[Seconds, Meta(description="Seconds after which the project's public keys are read anew.")] = (
        600.0
    )
    jwks_cooldown: Annotated[
        Seconds, Meta(description="Least seconds between two readings of the public keys because one is unknown.")
    ] = 30.0
    connect_timeout: Annotated[Seconds, Meta(description="Seconds in which a connection must be made.")] = 5.0
    timeout: Annotated[Seconds, Meta(description="Seconds in which a call must be answered.")] = 10.0
    connections: Annotated[
        Positive, Meta(le=1000, description="Most connections to the project's API, hence calls at once.")
    ] = 32
    realtime: Annotated[
        bool, Meta(description="Receive other instances' entries by Supabase Realtime, while the toggle is on.")
    ] = True
    heartbeat: Annotated[
        Seconds,
        Meta(le=4.5, description="Seconds between heartbeats to Realtime. After two without a sign the link is dead."),
    ] = 4.0
    probe_interval: Annotated[
        Seconds,
        Meta(
            description="Seconds of silence after which the database is asked for a broadcast, to see whether it "
            "arrives. Only while a conversation is followed."
        ),
    ] = 5.0
    signals_per_second: Annotated[
        float,
        Meta(ge=1, le=1000, description="Most broadcasts of signals (drafts, typing) that this instance sends."),
    ] = 20.0
    retries: Annotated[
        int, Meta(ge=0, le=10, description="Further tries of a call that may be made again without harm.")
    ] = 3

    def __post_init__(self) -> None:
        if self.key is not None and self.url is None:
            raise ValueError("key is set and url is not; both belong to one project")
        if self.url is not None:
            _check_url("url", self.url)
        if self.public_url is not None:
            _check_url("public_url", self.public_url)
        if self.issuer is not None and ("@" in self.issuer or not _HEADER_TEXT.fullmatch(self.issuer)):
            raise ValueError(
                "issuer has a white space, a line break or a user's name in it; it is the `iss` of users' tokens, like "
                "https://abcdefghijklm.supabase.co/auth/v1"
            )
        for name, key in (
            ("key", None if self.key is None else self.key.reveal()),
            ("publishable_key", self.publishable_key),
        ):
            if key is not None and not _HEADER_TEXT.fullmatch(key):
                raise ValueError(
                    f"{name} must be visible ASCII characters without spaces and line breaks, for it travels in a "
                    "header. Copy it anew from the project's API keys"
                )
        if self.key is not None and self.key.reveal().startswith("sb_publishable_"):
            raise ValueError("key is a publishable key; the service needs the secret one (sb_secret_…)")
        if self.publishable_key is not None and self.publishable_key.startswith("sb_secret_"):
            raise ValueError("publishable_key begins as a secret one does (sb_secret_…); browsers would be given it")

    @property
    def base(self) -> str:
        """The URL without a slash at its end; empty when unset."""
        return (self.url or "").rstrip("/")

    @property
    def public_base(self) -> str:
        """The same, as browsers reach it."""
        return (self.public_url or self.url or "").rstrip("/")


def _check_url(name: str, url: str) -> None:
    if "@" in url:  # before anything repeats it
        raise ValueError(
            f"{name} has a user's name or password in it (before @). URLs are shown in logs and to browsers: leave it "
            "out"
        )
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None
        plain = not (parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:  # an address or a port that is none
        host, plain = None, False
    if "?" in url or "#" in url:  # where people paste keys
        raise ValueError(f"{name} has a query or a fragment; a project's URL ends with its host or port")
    if not host or not plain or not _HEADER_TEXT.fullmatch(url):
        raise ValueError(
            f"{name} is {url!r}; a project's URL is like https://abcdefghijklm.supabase.co, without a path"
        )
    if not url.lower().startswith("https:") and not _is_near(host):
        raise ValueError(f"{name} is {url!r}; keys and tokens would travel unencrypted, so it must begin with https://")


_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")
"""What a header can carry."""


def _is_near(host: str) -> bool:
    """Loopback and private networks, where a Supabase of one's own stands."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private


__all__ = ["Supabase"]
