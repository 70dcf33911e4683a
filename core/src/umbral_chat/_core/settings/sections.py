"""The core's own sections. The fields' descriptions are the text of `docs/reference/settings.md`."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from umbral_chat._core.settings.secret import Secret
from umbral_chat.model.depth import DEEPEST, DEPTH

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section, a plugin's too: frozen, with a default for each field, unknown keys refused."""


class Key(Section, frozen=True):
    """A service key: `key` itself, or its SHA-256 in hex (`sha256`), so that the file has no secret in it."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    key: Secret | None = None
    sha256: Annotated[
        Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None,
        # Masked as the key is: the key itself may be written here by mistake.
        Meta(extra={"secret": True}),
    ] = None
    rights: list[str] = msgspec.field(default_factory=lambda: ["*"])


class Limits(Section, frozen=True):
    """Bounds of one request, conversation or caller."""

    body_bytes: Annotated[Positive, Meta(description="Largest request body, in bytes.")] = 262_144
    content_chars: Annotated[Positive, Meta(description="Longest content of a message, in characters.")] = 32_000
    metadata_bytes: Annotated[Positive, Meta(description="Largest metadata, in bytes of JSON.")] = 16_384
    depth: Annotated[
        int,
        Meta(
            ge=4,
            le=DEEPEST,
            description="Levels of objects and lists in a request body or a token, the body itself being the first.",
        ),
    ] = DEPTH
    page: Annotated[Positive, Meta(le=1000, description="Most items in a history or inbox page.")] = 200
    sends_per_second: Annotated[
        float,
        Meta(
            ge=0,
            description="Sustained writes, presence reports and typing of one visitor or user; 0 is no limit. "
            "Service keys have no rates.",
        ),
    ] = 10.0
    sends_burst: Annotated[Positive, Meta(description="Writes that one visitor or user may make at once.")] = 40
    requests_per_second: Annotated[
        float,
        Meta(ge=0, description="Sustained requests of one visitor or user, whatever they ask for; 0 is no limit."),
    ] = 100.0
    requests_burst: Annotated[Positive, Meta(description="Requests that one visitor or user may make at once.")] = 500
    drafts_per_second: Annotated[
        float, Meta(ge=0, description="Sustained pieces of drafts of one visitor or user; 0 is no limit.")
    ] = 20.0
    drafts_burst: Annotated[Positive, Meta(description="Pieces that one visitor or user may send at once.")] = 60
    markers_per_second: Annotated[
        float, Meta(ge=0, description="Sustained read markers of one visitor or user; 0 is no limit.")
    ] = 5.0
    markers_burst: Annotated[Positive, Meta(description="Read markers that one visitor or user may set at once.")] = 30
    connects_per_second: Annotated[
        float, Meta(ge=0, description="Sustained calls of `connect` by one visitor or user; 0 is no limit.")
    ] = 2.0
    connects_burst: Annotated[Positive, Meta(description="Calls of `connect` by one visitor or user at once.")] = 20
    transcripts_per_second: Annotated[
        float, Meta(ge=0, description="Sustained transcripts read by one visitor or user; 0 is no limit.")
    ] = 0.5
    transcripts_burst: Annotated[
        Positive, Meta(description="Transcripts that one visitor or user may read at once.")
    ] = 10
    drafts: Annotated[
        Positive,
        Meta(
            description="Messages being written at once in one conversation by visitors and users, and as many by "
            "each service key."
        ),
    ] = 8
    drafts_per_principal: Annotated[
        Positive, Meta(description="Messages that one visitor or user may write at once in one conversation.")
    ] = 4
    runs: Annotated[
        # The runs of a conversation share one record of the shared store (64 KiB), and each takes 7 KiB at most.
        Positive,
        Meta(le=8, description="Runs of assistants that go on at once in one conversation."),
    ] = 8
    readers: Annotated[
        Positive,
        Meta(
            description="Long polls and streams held at once, and never more than `core.limits.connections` without "
            "the reserve. Visitors and users together get nine tenths of them."
        ),
    ] = 20_000
    readers_per_principal: Annotated[
        Positive, Meta(description="Long polls and streams that one visitor or user may hold at once.")
    ] = 32
    request_line_bytes: Annotated[
        int, Meta(ge=256, le=65_536, description="Longest request line (method, path and query), in bytes.")
    ] = 8_192
    header_bytes: Annotated[
        int, Meta(ge=1_024, le=1_048_576, description="Most bytes of all headers of a request together.")
    ] = 32_768
    headers: Annotated[int, Meta(ge=8, le=1_000, description="Most headers of a request.")] = 100
    header_timeout: Annotated[
        Seconds,
        Meta(description="Seconds in which the headers of a request must arrive; on a new connection, from its start."),
    ] = 10.0
    body_timeout: Annotated[
        Seconds, Meta(description="Seconds in which the body of a request must arrive, after its headers.")
    ] = 30.0
    write_timeout: Annotated[
        Seconds,
        Meta(description="Seconds in which a client must take 16 KiB of an answer, or what is left of it."),
    ] = 30.0
    keep_alive: Annotated[
        # Longer than that of the usual proxies (60 s), so that they close idle connections, not we.
        Seconds,
        Meta(description="Seconds that a connection may stay idle between two requests."),
    ] = 75.0
    connections: Annotated[
        Positive | None,
        Meta(description="Connections held at once. Unset: 80 % of the file descriptors that the process may open."),
    ] = None
    reserved_connections: Annotated[
        int,
        Meta(ge=0, description="How many of them are for `/health/…` and `/metrics` alone; at most a quarter is."),
    ] = 64


class DraftLimits(Section, frozen=True):
    """Messages that are being written."""

    silence: Annotated[
        float,
        Meta(
            ge=1,
            le=3_600,
            description="Seconds without a sign of life after which a message that is being written ends, as "
            "`interrupted`.",
        ),
    ] = 30.0
    most: Annotated[Positive, Meta(description="Messages being written that an instance holds at once, in all.")] = (
        10_000
    )
    most_chars: Annotated[Positive, Meta(description="Their characters, in all.")] = 20_000_000


class ConsumerLimits(Section, frozen=True):
    """Durable consumers of logs: plugins' own, and subscriptions."""

    tries: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            # The pauses double from one second to five minutes: sixteen tries take about half an hour.
            description="Tries of an entry after which it becomes a dead letter, where the consumer sets no bound of "
            "its own. 16 take about half an hour.",
        ),
    ] = 16
    dead_letters: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Dead letters kept of one consumer. When there are as many, conversations with further ones "
            "wait.",
        ),
    ] = 1_000


class Cache(Section, frozen=True):
    """The tail cache: the newest entries of the conversations that are being read."""

    entries: Annotated[Positive, Meta(description="Newest entries kept of a conversation.")] = 200
    conversations: Annotated[Positive, Meta(description="Conversations kept; the longest unread is dropped first.")] = (
        5_000
    )
    ttl: Annotated[Seconds, Meta(description="Seconds that a conversation is kept after its last reader.")] = 60.0


class OutboundLimits(Section, frozen=True):
    """Calls to URLs that users give over the API, such as those of webhooks."""

    allow: Annotated[
        list[str],
        Meta(
            description="Networks that may be called besides the public internet, such as `10.0.0.0/8` or "
            "`127.0.0.0/8`. URLs in these settings may lead anywhere without."
        ),
    ] = msgspec.field(default_factory=list)
    connect_timeout: Annotated[
        Seconds, Meta(le=60, description="Seconds in which a receiver's name must resolve and its connection be made.")
    ] = 5.0
    timeout: Annotated[
        # Standard Webhooks, "Request timeouts": 15 to 30 s.
        Seconds,
        Meta(le=120, description="Seconds in which a receiver must have answered, with connecting."),
    ] = 20.0

    def __post_init__(self) -> None:
        for network in self.allow:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(f"allow holds {network!r}, which is no network such as 10.0.0.0/8: {error}") from None


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
    keys: Annotated[list[Key], Meta(description="Service keys. Without any, callers on loopback have all rights.")] = (
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
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Lowest level that is logged.")
    ] = "info"
    shutdown_timeout: Annotated[Seconds, Meta(description="Seconds that running requests get at shutdown.")] = 10.0
    cache: Cache = Cache()
    consumers: ConsumerLimits = ConsumerLimits()
    drafts: DraftLimits = DraftLimits()
    limits: Limits = Limits()
    outbound: OutboundLimits = OutboundLimits()

    def __post_init__(self) -> None:
        if self.public_url is not None and not _is_public(self.public_url):
            raise ValueError(  # which does not quote it: there may be a password in it
                "public_url must be an http:// or https:// address such as https://chat.example.com, without a user's "
                "name, a query or a fragment: clients are given it"
            )


def _is_public(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid address or port
        return False
    return usable and url.isascii() and url.isprintable() and not set("@?# ") & set(url)


class Retry(Section, frozen=True):
    """How a failed transport is tried again."""

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
        Meta(description="Longest time for which a lost hint delays an entry, in seconds."),
    ] = 5.0
    hint_queue: Annotated[Positive, Meta(description="Events that a transport may hold unread.")] = 10_000
    retry: Retry = Retry()


class Runs(Section, frozen=True):
    """Runs of assistants."""

    silence: Annotated[
        float,
        # An instance learns of a sign of life at another one only so often; and clocks differ by some seconds.
        Meta(
            ge=60,
            le=86_400,
            description="Seconds after which a run of which nothing is heard ends as failed (`lost`). Progress, and "
            "pieces of its draft, are heard. The clocks of all instances must be closer than that.",
        ),
    ] = 900.0


class Telemetry(Section, frozen=True):
    """Metrics. OTLP export is set up by the standard `OTEL_…` variables."""

    metrics: Annotated[bool, Meta(description="Keep metrics and serve them at /metrics.")] = True
    http: Annotated[bool, Meta(description="Also trace and measure every HTTP request (OpenTelemetry ASGI).")] = False


__all__ = [
    "Cache",
    "ConsumerLimits",
    "Core",
    "DraftLimits",
    "Key",
    "Limits",
    "OutboundLimits",
    "Positive",
    "Realtime",
    "Retry",
    "Runs",
    "Seconds",
    "Section",
    "Telemetry",
]
