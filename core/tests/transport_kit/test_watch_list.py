"""WatchList: a hint for each change of what is watched, once for what is newly watched, none for the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.transport import HeadHint
from umbral_chat.transport_kit import WatchList

A1, A2 = Head("aaaaaaaaaa", 1), Head("aaaaaaaaaa", 2)

names = st.sampled_from("abc")
heads = st.one_of(st.builds(Head, st.sampled_from(["e" * 10, "f" * 10]), st.integers(1, 4)), st.just(Deleted()))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("watch"), names),
        st.tuples(st.just("unwatch"), names),
        st.tuples(st.just("store"), names, heads),
        st.tuples(st.just("full")),
        st.tuples(st.just("glance")),
        st.tuples(st.just("fail")),
        st.tuples(st.just("forget")),
    ),
    max_size=60,
)


@given(steps)
def test_after_a_full_look_whoever_follows_was_told_the_newest_head(past: list[tuple[object, ...]]) -> None:
    """A model: followers by hand, and for each conversation what its present followers were told last."""
    interest = WatchList()
    followers: dict[str, int] = {}
    stored: dict[str, Head | Deleted] = {}
    told: dict[str, Head | Deleted] = {}
    for step in [*past, ("full",)]:
        match step:
            case ("watch", str(name)):
                interest.watch(name)
                followers[name] = followers.get(name, 0) + 1
            case ("unwatch", str(name)):
                interest.unwatch(name)
                followers[name] = max(0, followers.get(name, 0) - 1)
                if not followers[name]:
                    told.pop(name, None)
            case ("store", str(name), Head() | Deleted() as head):
                stored[name] = head
            case ("forget",):
                interest.forget()
                told.clear()
            case ("fail",):
                interest.take_all()  # asked, and never answered
            case ("full" | "glance" as how,):
                asked = interest.take_all() if how == "full" else interest.take_fresh()
                hints, _ = interest.learn(asked, {name: stored[name] for name in asked if name in stored})
                for hint in hints:
                    assert followers[hint.conversation], "a hint that nobody follows"
                    assert told.get(hint.conversation) != hint.head, "a hint that says nothing new"
                    told[hint.conversation] = hint.head
    watched = {name for name, count in followers.items() if count}
    assert len(interest) == len(watched)
    assert told == {name: head for name, head in stored.items() if name in watched}


def test_the_first_answer_is_told_and_is_no_news_but_the_next_change_is() -> None:
    interest = WatchList()
    interest.watch("a")
    assert interest.learn(interest.take_fresh(), {"a": A1}) == ([HeadHint("a", A1)], False)
    assert interest.learn(interest.take_all(), {"a": A1}) == ([], False)
    assert interest.learn(interest.take_all(), {"a": A2}) == ([HeadHint("a", A2)], True)


def test_what_is_made_while_it_is_watched_is_news() -> None:
    interest = WatchList()
    interest.watch("a")
    assert interest.learn(interest.take_all(), {}) == ([], False)
    assert interest.learn(interest.take_all(), {"a": A1}) == ([HeadHint("a", A1)], True)


def test_an_answer_for_what_was_unwatched_meanwhile_is_passed_over() -> None:
    interest = WatchList()
    interest.watch("a")
    asked = interest.take_all()
    interest.unwatch("a")
    assert interest.learn(asked, {"a": A1}) == ([], False)


def test_unwatching_a_stranger_changes_nothing() -> None:
    interest = WatchList()
    assert not interest.unwatch("a")
    assert "a" not in interest
