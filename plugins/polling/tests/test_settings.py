"""The section `polling`: usable defaults, and bounds that are refused with their reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from umbral_chat_polling import Polling


def test_the_defaults_hold_together() -> None:
    polling = Polling()
    assert polling.min_interval <= polling.interval <= polling.max_interval


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"interval": 0.1}, "min_interval ≤ interval ≤ max_interval must hold, and 0.25 ≤ 0.1 ≤ 5 does not"),
        ({"interval": 6}, "does not"),
        ({"min_interval": 6, "max_interval": 5, "interval": 6}, "does not"),
        ({"min_interval": 0}, "min_interval"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1001}, "batch_size"),
        ({"long_poll_timeout": 60}, "long_poll_timeout"),
        ({"sync_strategy": "guess"}, "sync_strategy"),
        ({"intervall": 1}, "intervall"),
    ],
)
def test_what_cannot_work_is_refused_by_name(section: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(section, Polling)


def test_every_setting_says_what_it_does() -> None:
    for field in msgspec.inspect.type_info(Polling).fields:  # type: ignore[attr-defined]
        if field.name == "cache":
            continue
        assert isinstance(field.type, msgspec.inspect.Metadata), field.name
        assert (field.type.extra_json_schema or {}).get("description"), field.name
