"""The bytes that one instance takes in."""

from __future__ import annotations

import pytest
from umbral_chat.errors import Unavailable
from umbral_chat_n8n_bridge.files.quota import FileQuota


def test_what_is_read_and_what_is_stored_count_together() -> None:
    now = [0.0]
    quota = FileQuota(100, lambda: now[0])
    first = quota.reserve(60)
    with pytest.raises(Unavailable) as refused:
        quota.reserve(41)
    assert (refused.value.code, refused.value.status) == ("too_many_readers", 503)
    first.resize(30)
    quota.store("a", 30, 10.0)
    first.close()
    first.close()
    assert quota.taken == 30
    quota.reserve(70).close()
    quota.store("b", 60, 20.0)
    assert quota.oldest(1) == ["a"]
    quota.forget("unknown")
    assert not quota.has_left(20)
    now[0] = 10.0  # those of `a` have expired
    assert quota.has_left(20)
    quota.forget("b")
    assert quota.taken == 0
