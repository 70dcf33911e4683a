"""Leases of the shared store, with tokens that rise with every change of holder."""

from __future__ import annotations

import apsw

from umbral_chat.providers.store import Lease

# A lease that was swept (a day after it lapsed) left its token in `meta`, so that a name that comes back goes on above.
_ACQUIRE = """
INSERT INTO lease (name, holder, expires, token)
VALUES (?1, ?2, ?3, coalesce((SELECT value FROM meta WHERE name = 'lease'), 0) + 1)
ON CONFLICT (name) DO UPDATE
SET token = token + NOT (holder IS excluded.holder AND expires > ?4), holder = excluded.holder,
  expires = excluded.expires
WHERE holder IS NULL OR holder = excluded.holder OR expires <= ?4
RETURNING token
"""


def acquire(connection: apsw.Connection, now: int, name: str, holder: str, until: int) -> Lease | None:
    """Take it, or prolong it when `holder` has it already; None: another has it."""
    token: int | None = connection.execute(_ACQUIRE, (name, holder, until, now)).get
    return None if token is None else Lease(name, holder, token)


def renew(connection: apsw.Connection, now: int, lease: Lease, until: int) -> bool:
    """Prolong it, if it is still held."""
    connection.execute(
        "UPDATE lease SET expires = ? WHERE name = ? AND holder = ? AND token = ? AND expires > ?",
        (until, lease.name, lease.holder, lease.token, now),
    )
    return connection.changes() > 0


def release(connection: apsw.Connection, now: int, lease: Lease) -> None:
    """Give it back; its row keeps the token."""
    connection.execute(
        "UPDATE lease SET holder = NULL, expires = ? WHERE name = ? AND holder = ? AND token = ?",
        (now, lease.name, lease.holder, lease.token),
    )


def is_newest(connection: apsw.Connection, lease: Lease) -> bool:
    """Whether no newer token of it was given out. One that was swept is too old to be trusted."""
    token: int | None = connection.execute("SELECT token FROM lease WHERE name = ?", (lease.name,)).get
    return token is not None and token <= lease.token


__all__ = ["acquire", "is_newest", "release", "renew"]
