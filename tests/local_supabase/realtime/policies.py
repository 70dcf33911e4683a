"""What policies let a channel read, in the words by which the server refuses where that cannot be told."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from .authorization import allowed
from .tokens import Claims


class Unavailable(Exception):
    """The database could not be asked; the reason."""


@dataclass(frozen=True)
class Reads:
    """What may be heard. `presence` None: nobody asked, since the channel was joined without presence."""

    broadcast: bool
    presence: bool | None


async def reads(url: str, topic: str, claims: Claims, *, presence: bool) -> Reads:
    """Ask for a private topic. Raises Unavailable."""
    try:
        heard = await allowed(url, topic, claims, "read")
        return Reads(heard, await allowed(url, topic, claims, "read", "presence") if presence else None)
    except psycopg.errors.QueryCanceled as error:
        raise Unavailable(f"QueryCanceled: {error}") from None
    except psycopg.OperationalError:
        words = "Realtime was unable to connect to the project database"
        raise Unavailable(f"UnableToConnectToProject: {words}") from None
    except psycopg.Error as error:
        if "no partition" in str(error):
            words = "Realtime was unable to find the expected messages partition"
            raise Unavailable(f"MissingPartition: {words}") from None
        # Whatever else policies or the role say is a refusal.
        return Reads(broadcast=False, presence=False if presence else None)


__all__ = ["Reads", "Unavailable", "reads"]
