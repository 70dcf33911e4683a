"""The bytes that one instance takes in."""

from __future__ import annotations

import pytest
from umbral_chat.errors import Unavailable
from umbral_chat_n8n_bridge.files.quota import LEAST, FileQuota


def test_what_is_read_and_what_is_stored_count_together() -> None:
    now = [0.0]
    quota = FileQuota(10 * LEAST, lambda: now[0])
    first = quota.reserve(6 * LEAST)
    with pytest.raises(Unavailable) as refused:
        quota.reserve(4 * LEAST + 1)
    assert (refused.value.code, refused.value.status) == ("too_many_readers", 503)
    first.resize(3 * LEAST)
    quota.store("a", 3 * LEAST, 10.0)
    first.close()
    first.close()
    assert quota.taken == 3 * LEAST
    quota.reserve(7 * LEAST).close()
    quota.store("b", 6 * LEAST, 20.0)
    assert [quota.next_to_look_for(1) for _ in range(3)] == [["a"], ["b"], ["a"]]
    quota.forget("unknown")
    assert not quota.has_left(2 * LEAST)
    now[0] = 10.0  # those of `a` have expired
    assert quota.has_left(2 * LEAST)
    quota.forget("b")
    assert quota.taken == 0


def test_many_small_ones_are_bounded_too() -> None:
    quota = FileQuota(10 * LEAST, lambda: 0.0)
    for number in range(10):
        assert quota.has_left(1)
        quota.store(f"{number}", 1, 10.0)
    assert not quota.has_left(1)
