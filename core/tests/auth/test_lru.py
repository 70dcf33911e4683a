from __future__ import annotations

from umbral_chat._core.runtime.lru import Lru


def test_the_longest_unused_is_forgotten_first_and_the_size_is_bounded() -> None:
    lru: Lru[str, int] = Lru(2)
    lru.put("a", 1)
    lru.put("b", 2)
    assert lru.get("a") == 1
    lru.put("c", 3)
    assert (lru.get("a"), lru.get("b"), lru.get("c"), len(lru)) == (1, None, 3, 2)


def test_a_value_that_is_put_again_counts_as_used() -> None:
    lru: Lru[str, int] = Lru(2)
    lru.put("a", 1)
    lru.put("b", 2)
    lru.put("a", 0)
    lru.put("c", 3)
    assert (lru.get("a"), lru.get("b")) == (0, None)


def test_dropping_what_is_not_there_does_nothing() -> None:
    lru: Lru[str, int] = Lru(2)
    lru.drop("a")
    lru.put("a", 1)
    lru.drop("a")
    assert lru.get("a") is None
