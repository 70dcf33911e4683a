"""What a running stack tells of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Stack:
    """Where everything is, and the keys. All of it is drawn anew for each stack and reaches loopback only."""

    url: str
    """The gateway: `/rest/v1`, `/auth/v1` and `/realtime/v1`, as a project's URL."""
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    anon_key: str = field(repr=False)
    """The legacy key of `anon`: a JWT, HS256."""
    service_role_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    """What signs the legacy keys."""
    db_url: str
    """As the role `postgres`, which is no superuser and has what a hosted project gives it."""
    admin_db_url: str
    """As the superuser; a hosted project gives this to nobody."""

    def write(self, file: Path) -> None:
        """As JSON, whole or not at all."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), "utf-8")
        part.rename(file)

    @classmethod
    def read(cls, file: Path) -> Stack:
        """What `write` wrote."""
        return cls(**json.loads(file.read_text("utf-8")))


__all__ = ["Stack"]
