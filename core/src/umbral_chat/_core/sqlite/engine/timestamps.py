"""Times as the database keeps them: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """The stored form of `moment`: exact, unlike a float of seconds."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The time, in UTC, that `to_micros` stored."""
    return _EPOCH + timedelta(microseconds=micros)


def duration_micros(seconds: float) -> int:
    """A duration in microseconds, rounded."""
    return round(seconds * 1_000_000)


__all__ = ["duration_micros", "from_micros", "to_micros"]
