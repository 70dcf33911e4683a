from __future__ import annotations

from typing import get_args

import pytest
from umbral_chat._core.auth.rights import ALL_RIGHTS, MEANINGS, PUBLIC, TOKEN_RIGHTS, expand, render
from umbral_chat.providers.auth import Right


def test_every_right_has_a_meaning_of_one_line() -> None:
    assert list(MEANINGS) == list(get_args(Right))
    assert all(text and "\n" not in text and "|" not in text for text in MEANINGS.values())


def test_a_star_is_every_right() -> None:
    assert expand(["read", "*"]) == ALL_RIGHTS
    assert expand(["read", "send"]) == {"read", "send"}
    assert expand([]) == frozenset()


def test_a_misspelt_right_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match="'sendas' is not a right: did you mean 'send_as'"):
        expand(["read", "sendas"])


def test_visitors_tokens_carry_nothing_but_reading_and_sending() -> None:
    assert {"read", "send"} == TOKEN_RIGHTS


def test_the_page_shows_each_route_with_its_right_in_a_stable_order() -> None:
    routes = [
        ("POST", "/v1/b", "send", "Send | say\n  something."),
        ("GET", "/v1/a", PUBLIC, "Look."),
        ("GET", "/v1/b", "read", "Read."),
    ]
    page = render(routes)
    assert page == render(reversed(routes))
    assert [line for line in page.splitlines() if "/v1/" in line] == [
        "| GET | `/v1/a` | none: open to all | Look. |",
        "| GET | `/v1/b` | `read` | Read. |",
        "| POST | `/v1/b` | `send` | Send \\| say something. |",
    ]
    assert all(f"| `{right}` | " in page for right in ALL_RIGHTS)


def test_a_route_with_a_right_that_does_not_exist_makes_no_page() -> None:
    with pytest.raises(ValueError, match="GET /v1/a names the right 'reed'"):
        render([("GET", "/v1/a", "reed", "Look.")])
