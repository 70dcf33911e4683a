"""The section `polling`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from umbral_chat.settings import Positive, Seconds, Section


class Polling(Section, frozen=True):
    """How clients poll, and how processes on one store learn of each other."""

    interval: Annotated[Seconds, Meta(description="Seconds between two ticks of the transport, to start with.")] = 1.0
    min_interval: Annotated[
        Seconds,
        Meta(description="Shortest time between two ticks, and between two polls of a client, while people write."),
    ] = 0.25
    max_interval: Annotated[
        Seconds,
        Meta(description="Longest time between two ticks, and between two polls of a client, while nothing happens."),
    ] = 5.0
    batch_size: Annotated[
        Positive, Meta(le=1000, description="Most entries in one answer, and messages in a snapshot.")
    ] = 100
    # Home routers and proxies cut a connection that was silent for a minute.
    long_poll_timeout: Annotated[
        float,
        Meta(
            gt=0,
            lt=60,
            description="Longest time that a long poll waits, in seconds. Each wait is drawn between 9/11 of it and "
            "all of it, so that clients do not come back all at once.",
        ),
    ] = 55.0
    holds_presence: Annotated[
        bool,
        Meta(
            description="A poll renews the presence of the caller's device, and a long poll holds it while it waits, "
            "for a device that is here."
        ),
    ] = True
    sync_strategy: Annotated[
        Literal["cursor", "snapshot"],
        Meta(
            description="`cursor`: a poll answers the entries past the client's cursor. `snapshot`: it answers the "
            "newest folded messages, and the client replaces its copy."
        ),
    ] = "cursor"

    def __post_init__(self) -> None:
        if not self.min_interval <= self.interval <= self.max_interval:
            raise ValueError(
                f"min_interval ≤ interval ≤ max_interval must hold, and {self.min_interval:g} ≤ {self.interval:g} ≤ "
                f"{self.max_interval:g} does not"
            )


__all__ = ["Polling"]
