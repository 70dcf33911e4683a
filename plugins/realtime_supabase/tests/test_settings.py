"""The section's own rules."""

from __future__ import annotations

from typing import Any

import pytest
from umbral_chat.settings import Secret
from umbral_chat_realtime_supabase.settings import Supabase

URL = "https://abcdefghijklmnopqrst.supabase.co"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"key": Secret("sb_secret_x")}, "url is not"),
        ({"url": URL, "key": Secret("sb_publishable_x")}, "needs the secret one"),
        ({"url": URL, "publishable_key": "sb_secret_x"}, "browsers would be given it"),
        ({"url": "http://example.com"}, "unencrypted"),
        ({"url": URL + "/rest/v1"}, "without a path"),
        ({"url": "abcdefghijklmnopqrst"}, "is like https"),
        ({"url": "ftp://x.y"}, "is like https"),
        ({"url": "https://x.supabase.co:port"}, "is like https"),
        ({"url": "https://[::1"}, "is like https"),
        ({"url": URL + "\n"}, "is like https"),
        ({"url": "https://me:sb_secret_x@x.supabase.co"}, "url has a user's name or password"),
        ({"url": "me:sb_secret_x@x.supabase.co/path"}, "url has a user's name or password"),
        ({"url": URL, "public_url": "https://sb_secret_x@x.co"}, "public_url has a user's name or password"),
        ({"url": URL + "?apikey=sb_secret_x"}, "url has a query"),
        ({"url": URL + "/#sb_secret_x"}, "url has a query"),
        ({"url": URL, "issuer": URL + "/auth/v1\n"}, "issuer has"),
        ({"url": URL, "issuer": "https://sb_secret_x@x.co"}, "issuer has"),
        ({"url": URL, "key": Secret("sb_secret_x\n")}, "key must be visible ASCII"),
        ({"url": URL, "key": Secret("sb_secret_x y")}, "key must be visible ASCII"),
        ({"url": URL, "key": Secret("")}, "key must be visible ASCII"),
        ({"url": URL, "publishable_key": "sb_publishable_x\r\n"}, "publishable_key must be visible ASCII"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_would_be_right(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        Supabase(**given)
    assert "sb_secret_x" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [URL, URL + "/", "http://127.0.0.1:54321", "http://localhost:54321", "http://kong:8000", "http://10.0.0.2:8000"],
)
def test_a_projects_url_or_one_nearby_is_taken(url: str) -> None:
    assert Supabase(url=url, key=Secret("sb_secret_x")).base == url.rstrip("/")


def test_the_secrets_are_not_shown() -> None:
    shown = repr(Supabase(url=URL, key=Secret("sb_secret_x"), jwt_secret=Secret("hush")))
    assert "sb_secret_x" not in shown
    assert "hush" not in shown
