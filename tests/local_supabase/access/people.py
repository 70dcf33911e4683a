"""The persons who make attempts: each is a database role with the claims of a token."""

from __future__ import annotations

import json
from typing import NamedTuple

OURS, THEIRS = "ours", "theirs"
"""Two conversations. The first has the members below, the second has others."""

NOW, BEFORE = "audience-now", "audience-before"
"""Audiences in the members' topics: the current one, and the one before a member of the first was removed."""

MEMBER_ID = "00000000-0000-4000-8000-000000000001"
AGENT_ID = "00000000-0000-4000-8000-000000000002"
OTHER_ID = "00000000-0000-4000-8000-000000000003"
FORMER_ID = "00000000-0000-4000-8000-000000000004"
STRANGER_ID = "00000000-0000-4000-8000-000000000005"
NAMELESS_ID = "00000000-0000-4000-8000-000000000006"


class Person(NamedTuple):
    """A caller of the database through Supabase's API."""

    name: str
    role: str
    subject: str | None = None
    is_anonymous: bool = False

    @property
    def claims(self) -> str:
        """What PostgREST and Realtime set as `request.jwt.claims`."""
        claims: dict[str, object] = {"role": self.role}
        if self.subject is not None:
            claims |= {"sub": self.subject, "aud": "authenticated", "is_anonymous": self.is_anonymous}
        return json.dumps(claims)


ANON = Person("publishable key only", "anon")
STRANGER = Person("signed-in stranger", "authenticated", STRANGER_ID)
NAMELESS = Person("anonymous sign-in", "authenticated", NAMELESS_ID, is_anonymous=True)
TOKENLESS = Person("token without a subject", "authenticated")
FORMER = Person("former member", "authenticated", FORMER_ID)
MEMBER = Person("member", "authenticated", MEMBER_ID)
AGENT = Person("member, an agent", "authenticated", AGENT_ID)
SERVICE = Person("the service (secret key)", "service_role")

PEOPLE = (ANON, STRANGER, NAMELESS, TOKENLESS, FORMER, MEMBER, AGENT, SERVICE)
MEMBERS = (MEMBER, AGENT)
