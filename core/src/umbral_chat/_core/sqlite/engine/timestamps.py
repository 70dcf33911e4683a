"""Times as the database keeps them: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Exact, unlike a float of seconds."""
    return (moment - _START) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The time again."""
    return _START + timedelta(microseconds=micros)


def span(seconds: float) -> int:
    """A length of time."""
    return round(seconds * 1_000_000)


__all__ = ["micros", "moment", "span"]
