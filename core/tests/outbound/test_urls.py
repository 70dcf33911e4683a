"""The form of URLs that users give."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit.outbound import parse_url
from umbral_chat.http_kit.outbound.urls import URL_LIMIT

GOOD = {
    "https://example.com": ("https", "example.com", 443, "/", "example.com"),
    "https://example.com:443/a?b=c": ("https", "example.com", 443, "/a?b=c", "example.com"),
    "http://EXAMPLE.com:8080/hook#part": ("http", "example.com", 8080, "/hook", "example.com:8080"),
    "http://[2606:4700::1111]/x": ("http", "2606:4700::1111", 80, "/x", "[2606:4700::1111]"),
    "http://[::1]:5678/x": ("http", "::1", 5678, "/x", "[::1]:5678"),
    "https://xn--bcher-kva.example/": ("https", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
    # Judged when they are resolved: here they are names like any other.
    "http://2130706433/": ("http", "2130706433", 80, "/", "2130706433"),
    "http://0x7f.1/": ("http", "0x7f.1", 80, "/", "0x7f.1"),
}

BAD = [
    "",
    "example.com",
    "//example.com",
    "https://",
    "https:///path",
    "ftp://example.com",
    "file:///etc/passwd",
    "gopher://example.com:70/_x",
    "javascript:alert(1)",
    "https://user@example.com",
    "https://user:secret@example.com",
    "https://@example.com",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com /",
    "https://exam\tple.com/",
    "https://example.com\r\nHost: other/",
    "https://example.com:0/",
    "https://example.com:25/",
    "https://example.com:65536/",
    "https://example.com:port/",
    "https://bücher.example/",
    "https://１２７.0.0.1/",
    "https://127%2e0%2e0%2e1/",
    "http://[fe80::1%25eth0]/",
    "http://[::1/",
    "https://example.com/" + "x" * URL_LIMIT,
]


@pytest.mark.parametrize(("text", "parts"), GOOD.items())
def test_a_url_is_parsed_once(text: str, parts: tuple[str, str, int, str, str]) -> None:
    url = parse_url(text)
    assert (*url, url.authority) == parts
    assert parse_url(str(url)) == url


@pytest.mark.parametrize("text", BAD)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_url(text, field="push.url")
    assert (caught.value.code, caught.value.field) == ("refused_url", "push.url")
    assert "secret" not in caught.value.detail


def test_a_trusted_one_has_any_port() -> None:
    assert parse_url("http://n8n:81/x", trusted=True).port == 81
    with pytest.raises(InvalidRequest):
        parse_url("http://n8n:81/x")


@given(st.text(max_size=60) | st.from_regex(r"https?://[^ ]{0,40}", fullmatch=True))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidRequest):
        url = parse_url(text)
        assert url.scheme in {"http", "https"}
        assert url.host
        assert "@" not in url.authority
        assert parse_url(str(url)) == url
