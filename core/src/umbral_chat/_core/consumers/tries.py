"""The tries of the entry at which a consumer's cursor stands: counted, spaced, bounded. Pure: the caller passes the
time."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from umbral_chat.errors import ConsumerError, TryLater, UmbralChatError
from umbral_chat.providers.consumers import REASON_LIMIT
from umbral_chat.transport_kit.backoff import Backoff

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds after the first failed try, and from the tenth one on: an outage of a receiver of minutes costs few tries."""

LONGEST_WISH = 3_600.0
"""Most seconds of a pause that a receiver asks for: what asks for more is not to hold up its conversation for days."""

END = 0
"""In place of an entry's seq: the end of the log."""


class Tries(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tries of entry `seq` that failed, as stored with the cursor before it: `count` may be 0 when it only waits."""

    seq: int
    count: int
    first_at: datetime
    last_at: datetime
    reason: str = ""
    not_before: datetime | None = None
    """It is not tried again before. By the clock of the instance that wrote it."""

    def wait(self, now: datetime) -> float:
        """Seconds until the next try; 0: it is due. Never more than any pause, however the clocks differ."""
        if self.not_before is None:
            return 0.0
        return min(max(0.0, (self.not_before - now).total_seconds()), LONGEST_WISH)


def failed(before: Tries | None, seq: int, error: BaseException, now: datetime) -> Tries:
    """The tries after one more, which raised `error`."""
    count = 1 if before is None or before.seq != seq else before.count + 1
    # Compared so that NaN is no wish.
    seconds = min(error.seconds, LONGEST_WISH) if isinstance(error, TryLater) and error.seconds > 0 else 0.0
    pause = max(seconds, pause_after(count))
    first = now if before is None or before.seq != seq or before.count == 0 else before.first_at
    return Tries(seq, count, first, now, reason_of(error), now + timedelta(seconds=pause))


def pause_after(count: int) -> float:
    """Seconds to wait after `count` failed tries: doubling, and drawn from the upper half, so that what failed together
    is not tried together."""
    bound = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (min(count, 30) - 1))
    return Backoff(initial=bound, maximum=bound, jitter="equal").next()


def reason_of(error: BaseException) -> str:
    """The reason to store: of an error of ours its message, of any other the type alone, since its message may quote
    the entry."""
    named = isinstance(error, ConsumerError | UmbralChatError)
    return one_line(str(error)) if named and str(error) else type(error).__name__


def one_line(text: str) -> str:
    """`text` as one line within the bound of a reason."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:REASON_LIMIT]


__all__ = [
    "END",
    "FIRST_PAUSE",
    "LONGEST_PAUSE",
    "LONGEST_WISH",
    "Tries",
    "failed",
    "one_line",
    "pause_after",
    "reason_of",
]
