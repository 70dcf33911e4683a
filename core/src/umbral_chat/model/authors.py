"""Authors: the name of a principal as the owner of something. Subjects of different kinds never collide.

An author is the kind and the subject of a principal, `token:visitor-7`, `user:UUID`, `key:NAME`, or `local`. It is
the scope of idempotency keys and rate limits, and the owner of messages, drafts and read markers.

Versions up to 0.1 stored the bare subject of tokens and users. What they stored still belongs to its author, as far
as that can be decided: see `former` and `owns_former`. Both stores follow these rules, the SQLite one by calling them
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
    """The author of a principal's kind and subject. A service key's subject already has the form `key:NAME`."""
    if kind == "local":
        return "local"
    return subject if kind == "key" and subject.startswith("key:") else f"{kind}:{subject}"


def former(author: str) -> str | None:
    """The name under which the same principal was stored before authors had kinds; None: the same, or none.

    A subject that itself looks like an author is left alone: `token:token:x` is not to be taken for `token:x`.
    """
    kind, colon, subject = author.partition(":")
    if not colon or kind not in _PREFIXED or subject == "local" or subject.startswith(_RESERVED):
        return None
    return subject


def owns_former(author: str) -> bool:
    """Whether this author may edit and redact what was stored under `former(author)`.

    A bare subject in the form of a user's id (a lower-case UUID) may have been a user's or a token's. It counts as the
    user's: the token might have been issued to anyone, and a moderator can still act for an author who lost the right.
    """
    bare = former(author)
    return bare is not None and (author.startswith("user:") or not _UUID.match(bare))


__all__ = ["Kind", "author", "former", "owns_former"]
