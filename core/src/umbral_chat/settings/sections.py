"""The core's own sections. Each field's text is what `docs/reference/settings.md` says of it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from umbral_chat.settings.secret import Secret

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section, a plugin's too: frozen, with a default for each field, unknown keys refused."""


class Key(Section, frozen=True):
    """A service key: `key` itself, or `sha256` of it in hex so that the file holds no secret."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    key: Secret | None = None
    sha256: Annotated[
        Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None,
        # Hidden as the key is: who mixes the two up writes the key itself here.
        Meta(extra={"secret": True}),
    ] = None
    rights: list[str] = msgspec.field(default_factory=lambda: ["*"])


class Limits(Section, frozen=True):
    """What one request, conversation or caller may take."""

    body_bytes: Annotated[Positive, Meta(description="Largest request body, in bytes.")] = 262_144
    content_chars: Annotated[Positive, Meta(description="Longest content of a message, in characters.")] = 32_000
    metadata_bytes: Annotated[Positive, Meta(description="Largest metadata, in bytes of JSON.")] = 16_384
    page: Annotated[Positive, Meta(le=1000, description="Most items in a history or inbox page.")] = 200
    sends_per_second: Annotated[
        float,
        Meta(
            ge=0,
            description="Sustained writes of one visitor or user; 0 is no limit. Service keys have none.",
        ),
    ] = 10.0
    sends_burst: Annotated[Positive, Meta(description="Writes that one visitor or user may make at once.")] = 40
    drafts: Annotated[Positive, Meta(description="Messages being written at once in one conversation.")] = 8
    readers: Annotated[Positive, Meta(description="Long polls and streams held at once.")] = 20_000


class Core(Section, frozen=True):
    """The service itself."""

    host: Annotated[str, Meta(description="Address to listen on. Without a key only a loopback address is taken.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8750
    database: Annotated[str, Meta(description="File of the embedded SQLite store.")] = "umbral-chat.sqlite3"
    history: Annotated[
        str | None,
        Meta(description="Name of the history to use, when several are configured; `sqlite` is the core's own."),
    ] = None
    presence: Annotated[str | None, Meta(description="Name of the presence to use, when several are there.")] = None
    keys: Annotated[list[Key], Meta(description="Service keys. Without any, every caller on loopback may do all.")] = (
        msgspec.field(default_factory=list)
    )
    token_secrets: Annotated[
        list[Secret],
        Meta(
            description="Secrets that sign conversation tokens: the first signs, all verify. Without any, one is drawn "
            "and kept in the shared store."
        ),
    ] = msgspec.field(default_factory=list)
    cors_origins: Annotated[
        list[str], Meta(description="Origins whose pages may call the API, as a browser writes them; `*` for all.")
    ] = msgspec.field(default_factory=list)
    public_url: Annotated[str | None, Meta(description="URL under which clients reach the service, for offers.")] = None
    disabled_plugins: Annotated[list[str], Meta(description="Installed plugins that are not to be loaded.")] = (
        msgspec.field(default_factory=list)
    )
    log_format: Annotated[Literal["text", "json"], Meta(description="Form of the log lines.")] = "text"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least that is logged.")] = (
        "info"
    )
    shutdown_timeout: Annotated[Seconds, Meta(description="Seconds that running requests get at shutdown.")] = 10.0
    limits: Limits = Limits()


class Cache(Section, frozen=True):
    """The tail cache: the newest entries of the conversations that are being read."""

    entries: Annotated[Positive, Meta(description="Newest entries kept of a conversation.")] = 200
    conversations: Annotated[Positive, Meta(description="Conversations kept; the longest unread goes first.")] = 5_000
    ttl: Annotated[Seconds, Meta(description="Seconds that a conversation is kept after its last reader.")] = 60.0


class Retry(Section, frozen=True):
    """How a transport that failed is tried again."""

    initial: Annotated[Seconds, Meta(description="First pause, in seconds.")] = 0.5
    max: Annotated[Seconds, Meta(description="Longest pause, in seconds.")] = 60.0
    multiplier: Annotated[float, Meta(ge=1, description="Growth of the pause from try to try.")] = 2.0
    jitter: Annotated[float, Meta(ge=0, le=1, description="Share of the pause that is drawn at random.")] = 0.5
    budget: Annotated[Positive, Meta(description="Tries in an hour; past it the longest pause applies.")] = 120


class Realtime(Section, frozen=True):
    """Everything that pushes, and the failover to polling."""

    enabled: Annotated[
        bool | None,
        Meta(description="false: a hard off that the API cannot lift. true: the start value of the toggle. Unset: on."),
    ] = None
    connect_timeout: Annotated[Seconds, Meta(description="Seconds in which a transport must become live.")] = 10.0
    reconcile_interval: Annotated[
        Seconds,
        Meta(description="Longest time for which a hint that never came delays an entry, in seconds."),
    ] = 5.0
    hint_queue: Annotated[Positive, Meta(description="Events that a transport may hold unread.")] = 10_000
    retry: Retry = Retry()


class Telemetry(Section, frozen=True):
    """Metrics. OTLP export is set up by the standard `OTEL_…` variables."""

    metrics: Annotated[bool, Meta(description="Keep metrics and serve them at /metrics.")] = True
    http: Annotated[bool, Meta(description="Also trace and measure every HTTP request (OpenTelemetry ASGI).")] = False


__all__ = [
    "Cache",
    "Core",
    "Key",
    "Limits",
    "Positive",
    "Realtime",
    "Retry",
    "Seconds",
    "Section",
    "Telemetry",
]
