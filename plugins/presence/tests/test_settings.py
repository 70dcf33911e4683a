"""The section `presence`: usable defaults, and bounds that are refused with their reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from umbral_chat_presence import PresenceSettings


def test_the_defaults_are_those_that_are_promised() -> None:
    found = PresenceSettings()
    assert (found.ttl, found.hold_back, found.typing_ttl, found.assistant_typing_ttl) == (45.0, 15.0, 8.0, 120.0)
    assert found.longest_typing == 120.0


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"ttl": 400, "longest_ttl": 300}, "ttl ≤ longest_ttl must hold, and 400 ≤ 300 does not"),
        ({"ttl": 1}, "ttl"),
        ({"hold_back": -1}, "hold_back"),
        ({"listed_people": 0}, "listed_people"),
        ({"metadata_bytes": 5000}, "metadata_bytes"),
        ({"hidden_roles": ["boss"]}, "hidden_roles"),
        ({"provider": "redis"}, "provider"),
        ({"tll": 1}, "tll"),
    ],
)
def test_what_cannot_work_is_refused_by_name(section: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(section, PresenceSettings)


def test_every_setting_says_what_it_does() -> None:
    for field in msgspec.inspect.type_info(PresenceSettings).fields:  # type: ignore[attr-defined]
        assert isinstance(field.type, msgspec.inspect.Metadata), field.name
        assert (field.type.extra_json_schema or {}).get("description"), field.name
