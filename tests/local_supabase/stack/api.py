"""The addresses and keys of a running stack."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Stack:
    """URLs and keys, drawn at random for each stack; its servers listen on loopback only."""

    url: str
    """The gateway, which serves `/rest/v1`, `/auth/v1` and `/realtime/v1` like a project's URL."""
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    anon_key: str = field(repr=False)
    """The legacy key of `anon`: a JWT, HS256."""
    service_role_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    """The secret that signs the legacy keys."""
    db_url: str
    """As the role `postgres`, which is no superuser and has what a hosted project gives it."""
    admin_db_url: str
    """As the superuser, to whom a hosted project gives no access."""

    def write(self, file: Path) -> None:
        """Write it to a file as JSON, atomically."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), "utf-8")
        part.rename(file)

    @classmethod
    def read(cls, file: Path) -> Stack:
        """Read a file that `write` wrote."""
        return cls(**json.loads(file.read_text("utf-8")))


__all__ = ["Stack"]
