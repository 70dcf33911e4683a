"""The section `presence`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field
from umbral_chat.model.entries import Role
from umbral_chat.providers.presence_reports import ReportLimits
from umbral_chat.settings import Positive, Seconds, Section


class PresenceSettings(Section, frozen=True):
    """Who is shown as present and as typing, for how long, and to whom."""

    provider: Annotated[
        Literal["shared", "memory"],
        Meta(
            description="`shared`: every instance on one store knows who is at the others. "
            "`memory`: each knows its own."
        ),
    ] = "shared"
    # Below five seconds the instances' heartbeats (a ninth of it) would be most of what the store does.
    ttl: Annotated[
        float,
        Meta(
            ge=5,
            le=3600,
            description="Seconds after which a device expires unless it is renewed; it should report three "
            "times as often. It may ask for another time up to `longest_ttl`.",
        ),
    ] = 45.0
    longest_ttl: Annotated[
        float, Meta(ge=5, le=86400, description="Longest time to live that a device may ask for, in seconds.")
    ] = 300.0
    typing_ttl: Annotated[
        Seconds, Meta(le=600, description="Seconds after which typing ends unless it is reported again.")
    ] = 8.0
    assistant_typing_ttl: Annotated[
        Seconds,
        Meta(le=3600, description="The same for the assistant, which reports it once before a long run."),
    ] = 120.0
    # A browser reloads, and a phone changes its network, in a few seconds.
    hold_back: Annotated[
        float, Meta(ge=0, le=300, description="Seconds for which a person who left is still shown.")
    ] = 15.0
    listed_people: Annotated[
        Positive,
        Meta(
            le=1000,
            description="With more people in a conversation only counts are shown, and typing only of the assistant.",
        ),
    ] = 100
    devices_per_person: Annotated[Positive, Meta(le=100, description="Devices of one person in one conversation.")] = 8
    devices: Annotated[
        Positive,
        Meta(
            le=50_000,
            description="Devices of one conversation at one instance; for people who are not visitors a tenth more.",
        ),
    ] = 5_000
    metadata_bytes: Annotated[
        Positive, Meta(le=4096, description="Largest metadata of a device, in bytes of JSON.")
    ] = 512
    last_seen: Annotated[
        float, Meta(ge=0, description="Seconds for which it is shown when a person was last here; 0: it is not kept.")
    ] = 86_400.0
    hidden_roles: Annotated[
        list[Role],
        Meta(description="Roles that only service keys and moderators see, present or typing, such as `agent`."),
    ] = field(default_factory=list)
    allow_invisible: Annotated[bool, Meta(description="Whether people may be present without being shown.")] = True

    @property
    def longest_typing(self) -> float:
        """Longest time for which anybody is shown as typing without a new report, in seconds."""
        return max(self.typing_ttl, self.assistant_typing_ttl)

    @property
    def bounds(self) -> ReportLimits:
        """What a report may ask for."""
        return ReportLimits(
            metadata_bytes=self.metadata_bytes, longest_ttl=self.longest_ttl, longest_typing=self.longest_typing
        )

    def __post_init__(self) -> None:
        if self.longest_ttl < self.ttl:
            raise ValueError(f"ttl ≤ longest_ttl must hold, and {self.ttl:g} ≤ {self.longest_ttl:g} does not")


__all__ = ["PresenceSettings"]
