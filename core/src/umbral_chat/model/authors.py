"""Authors: how a principal is named wherever something belongs to it. Subjects of different kinds never meet.

An author is the kind and the subject of a principal, `token:visitor-7`, `user:UUID`, `key:NAME`, or `local`. It is
what an idempotency key is scoped by, what ownership of a message is checked against, whose read marker it is, and whom
a rate holds.

Versions up to 0.1 stored the bare subject of tokens and users. What they stored still belongs to whoever wrote it, as
far as that can be told: see `former` and `owns_former`. Both stores follow these rules, the SQLite one by calling them
and the Supabase one by functions of the same names in its database.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Kind = Literal["local", "key", "token", "user"]

_PREFIXED: Final = ("token", "user")
_RESERVED: Final = ("key:", "token:", "user:")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def author(kind: Kind, subject: str) -> str:
    """The author that a principal of this kind and subject is. A service key's subject is `key:NAME` already."""
    if kind == "local":
        return "local"
    return subject if kind == "key" and subject.startswith("key:") else f"{kind}:{subject}"


def former(author: str) -> str | None:
    """As what the same principal was stored before authors had kinds; None: the same, or it cannot have been.

    A subject that itself looks like an author is left alone: `token:token:x` is not to be taken for `token:x`.
    """
    kind, colon, subject = author.partition(":")
    if not colon or kind not in _PREFIXED or subject == "local" or subject.startswith(_RESERVED):
        return None
    return subject


def owns_former(author: str) -> bool:
    """Whether what was stored under `former(author)` is surely this one's to edit and redact.

    A bare subject in the form of a user's id (a lower-case UUID) may have been a user's or a token's. It is the user's:
    the token might have been made for anybody, and a right that is lost can be made good by a moderator.
    """
    bare = former(author)
    return bare is not None and (author.startswith("user:") or not _UUID.match(bare))


__all__ = ["Kind", "author", "former", "owns_former"]
