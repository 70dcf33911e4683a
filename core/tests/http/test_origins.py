"""Which pages may open streams."""

from __future__ import annotations

import pytest
from umbral_chat.errors import Forbidden
from umbral_chat.http_kit.origins import OriginCheck

CHECK = OriginCheck(["https://shop.example"], "https://chat.example.com/base")


def scope(*origins: str, host: str = "10.0.0.7:8750") -> dict[str, object]:
    headers = [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]
    return {"headers": headers}


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "https://chat.example.com",
        "https://chat.example.com:443",
        "http://10.0.0.7:8750",  # as the request was sent
    ],
)
def test_our_own_pages_and_those_of_the_settings_may(origin: str) -> None:
    CHECK(scope(origin))


def test_a_request_without_an_origin_is_of_no_page() -> None:
    CHECK(scope())


def test_behind_a_proxy_that_ends_tls_the_host_is_ours() -> None:
    OriginCheck([], None)(scope("https://chat.example.com", host="chat.example.com"))
    OriginCheck([], None)(scope("http://[::1]:8750", host="[::1]:8750"))


def test_a_star_is_for_all() -> None:
    OriginCheck(["*"], None)(scope("https://anywhere.example"))
    with pytest.raises(Forbidden):
        OriginCheck(["*"], None)(scope("https://a.example", "https://b.example"))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://shop.example",  # another scheme
        "https://shop.example.evil.example",
        "https://chat.example.com:8443",
        "http://chat.example.com",
        "http://10.0.0.7",  # another port
        "http://10.0.0.7:99999999",
        "file://10.0.0.7:8750",
        "https://[",
    ],
)
def test_pages_of_others_may_not(origin: str) -> None:
    with pytest.raises(Forbidden) as refused:
        CHECK(scope(origin))
    assert refused.value.code == "origin_refused"


def test_two_origins_are_of_no_browser() -> None:
    with pytest.raises(Forbidden):
        CHECK(scope("https://shop.example", "https://shop.example"))


def test_without_a_host_there_is_no_own_page() -> None:
    with pytest.raises(Forbidden):
        OriginCheck([], None)({"headers": [(b"origin", b"https://chat.example.com")]})
