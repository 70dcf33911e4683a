"""The section `streaming`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from umbral_chat.settings import Positive, Seconds, Section


class Streaming(Section, frozen=True):
    """Streams of a conversation, over which clients get what happens as it happens."""

    heartbeat: Annotated[
        # Home routers and proxies cut a connection that was silent for a minute, the NAT of mobile networks after half
        # of that. At half of the latter one heartbeat may be lost.
        Seconds,
        Meta(
            lt=60,
            description="Seconds of silence after which a stream gets a heartbeat, which keeps proxies and routers "
            "from cutting it.",
        ),
    ] = 15.0
    gather: Annotated[
        # At 200 messages a second a frame has one entry more on the average, and nobody notices five milliseconds.
        float,
        Meta(
            ge=0,
            le=0.1,
            description="Seconds between two frames of one conversation at the least: what arrives in between leaves "
            "together. An entry that follows a longer pause waits for nothing.",
        ),
    ] = 0.005
    roll_up: Annotated[
        # 25 frames a second look fluent, and models write up to four times as many pieces.
        Seconds,
        Meta(le=1, description="Seconds for which the pieces of a draft are collected into one frame."),
    ] = 0.04
    connection_lifetime: Annotated[
        # Long enough to cost nothing, and a service that was added behind the load balancer gets its share in an hour.
        Seconds,
        Meta(
            description="Seconds after which a stream is closed so that its client comes back, maybe to another "
            "instance. Each is drawn between 9/11 of it and all of it."
        ),
    ] = 3600.0
    drain_window: Annotated[
        Seconds,
        Meta(
            description="Seconds over which the clients of a service that stops are spread, so that they do not reach "
            "its successor all at once."
        ),
    ] = 5.0
    unsent_bytes: Annotated[
        Positive,
        Meta(
            description="Bytes that wait for slow clients, of all streams together. Past it the client that becomes "
            "slow next is closed with `slow_consumer`."
        ),
    ] = 67_108_864
    subscriptions: Annotated[
        # An operator's page shows some dozens of conversations; whoever needs more opens another socket.
        Positive,
        Meta(le=10_000, description="Conversations that one WebSocket may follow at once."),
    ] = 100
    holds_presence: Annotated[
        bool, Meta(description="A stream holds the presence of the caller's device, for a device that is here.")
    ] = True


__all__ = ["Streaming"]
