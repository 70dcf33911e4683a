"""Reports of presence and typing as clients make them, over HTTP or a stream: their fields, and the checks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol, runtime_checkable

import msgspec
from msgspec import Meta

from umbral_chat.errors import HistoryUnavailable, InvalidRequest
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.depth import DEPTH
from umbral_chat.model.entries import Sender
from umbral_chat.model.validation import check_metadata
from umbral_chat.providers.presence import DEVICE, Availability, Presence, Renewal, Report, check_name

if TYPE_CHECKING:
    from umbral_chat.context import FeedService
    from umbral_chat.providers.auth import Principal

SHORTEST_TTL = 5.0
"""Seconds, as for the setting: enough for a report and its repetition over a bad connection."""

SHORTEST_TYPING = 1.0
"""Seconds: notifications are sent once a second."""

AsWhom = Annotated[Sender | None, Meta(description="The person; another than oneself only with `send_as`.")]


class PresenceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state that a device reports. All fields are optional."""

    status: Annotated[Availability, Meta(description="`online`, `away` or `busy`.")] = "online"
    device: Annotated[
        str,
        Meta(description="Distinguishes a person's tabs and phones; 1 to 64 printable characters."),
    ] = DEVICE
    metadata: Annotated[
        dict[str, Any] | None, Meta(description="A little data about the device, at most `presence.metadata_bytes`.")
    ] = None
    invisible: Annotated[
        bool, Meta(description="The person is neither counted nor shown, with any of its devices.")
    ] = False
    ttl: Annotated[
        float | None,
        Meta(description="Seconds until it expires unless it is renewed, 5 to `presence.longest_ttl`."),
    ] = None
    sender: AsWhom = None


class TypingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person types, or stopped. All fields are optional."""

    typing: Annotated[bool, Meta(description="False: stopped.")] = True
    seconds: Annotated[
        float | None,
        Meta(description="Seconds until it ends by itself; `presence.typing_ttl`, or the assistant's, when left out."),
    ] = None
    sender: AsWhom = None


class RenewalView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a report."""

    person: Annotated[str, Meta(description="The name under which the lists show this person.")]
    device: str
    expires_in: Annotated[float, Meta(description="Seconds after which the device expires unless it is renewed.")]
    renew_in: Annotated[float, Meta(description="Seconds after which it should report again.")]
    listed: Annotated[bool, Meta(description="False: so many people are present that only counts are reported.")]

    @classmethod
    def of(cls, device: str, renewal: Renewal) -> RenewalView:
        """The answer to the report of `device`."""
        return cls(
            person=renewal.person,
            device=device,
            expires_in=renewal.expires_in,
            renew_in=renewal.renew_in,
            listed=renewal.listed,
        )


class ReportLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a report may ask for."""

    metadata_bytes: int = 512
    longest_ttl: float = 300.0
    longest_typing: float = 120.0


@runtime_checkable
class BoundsReports(Protocol):
    """Optional ability of a presence: its own bounds of reports. Without it the defaults of `ReportLimits` apply."""

    bounds: ReportLimits


def bounds_of(presence: Presence) -> ReportLimits:
    """The bounds of what may be reported to `presence`."""
    return presence.bounds if isinstance(presence, BoundsReports) else ReportLimits()


def read_report(body: PresenceBody, person: Sender, bounds: ReportLimits, *, depth: int = DEPTH) -> Report:
    """The report of `person` that a body makes. Raises InvalidRequest (`invalid_field`, `metadata_too_large`)."""
    return Report(
        person=person,
        device=check_name(body.device),
        status=body.status,
        metadata=check_metadata(body.metadata, limit=bounds.metadata_bytes, depth=depth),
        invisible=body.invisible,
        ttl=_seconds(body.ttl, field="ttl", least=SHORTEST_TTL, most=bounds.longest_ttl),
    )


def typing_seconds(body: TypingBody, bounds: ReportLimits) -> float | None:
    """The seconds until typing ends by itself. Raises InvalidRequest (`invalid_field`)."""
    return _seconds(body.seconds, field="seconds", least=SHORTEST_TYPING, most=bounds.longest_typing)


async def check_log(feeds: FeedService, caller: Principal, conversation: str) -> None:
    """Refuse a deleted conversation, and one that is not the log of the caller's token. From here on this instance
    follows the conversation, so that it learns who writes messages there.

    Raises ConversationDeleted, and HistoryUnavailable for a caller whose token is bound to a log: presence works while
    the history is down for all others.
    """
    try:
        epoch = await feeds.epoch(conversation)
    except HistoryUnavailable:
        if caller.epoch is not None:
            raise
        return
    check_epoch(caller, conversation, epoch)


def _seconds(value: float | None, *, field: str, least: float, most: float) -> float | None:
    if value is None or least <= value <= most:
        return value
    raise InvalidRequest(
        f"{field} is {value:g} seconds; {least:g} to {most:g} are allowed.",
        code="invalid_field",
        field=field,
        limit=least if value < least else most,
    )


__all__ = [
    "SHORTEST_TTL",
    "SHORTEST_TYPING",
    "BoundsReports",
    "PresenceBody",
    "RenewalView",
    "ReportLimits",
    "TypingBody",
    "bounds_of",
    "check_log",
    "read_report",
    "typing_seconds",
]
