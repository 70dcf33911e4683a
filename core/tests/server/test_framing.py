"""Where heads and chunked bodies end, and what is refused before they have ended."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.server.chunks import LINE_BYTES, Chunks
from umbral_chat._core.server.framing import after_empty_line, check_start, foreign_method, head_end
from umbral_chat.errors import HeadersTooLarge, InvalidRequest, UriTooLong
from umbral_chat.settings import Limits

LIMITS = Limits(request_line_bytes=256, header_bytes=1024, headers=8)


def read(data: bytes, step: int = 1, limits: Limits = LIMITS) -> int:
    """The end of the head when it comes in pieces of `step` bytes; 0 when it never does."""
    searched = 0
    for end in [*range(step, len(data), step), len(data)]:
        found = head_end(data[:end], searched, limits)
        if found:
            return found
        searched = end
    return 0


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
def test_a_head_ends_at_its_empty_line_however_it_comes(step: int) -> None:
    head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n"
    assert read(head + b"rest", step) == len(head)
    assert read(b"GET / HTTP/1.0\r\n\r\n", step) == 18
    assert read(head[:-1], step) == 0


@pytest.mark.parametrize("step", [1, 100, 10_000])
@pytest.mark.parametrize("end", [b"", b" HTTP/1.1\r\n\r\n"])
def test_a_request_line_is_bounded_whether_it_ends_or_not(step: int, end: bytes) -> None:
    assert read(b"GET /" + b"x" * 242 + b" HTTP/1.1\r\n\r\n", step)  # 256 bytes
    with pytest.raises(UriTooLong) as refused:
        read(b"GET /" + b"x" * 300 + end, step)
    assert refused.value.limit == 256


@pytest.mark.parametrize("step", [1, 100, 10_000])
@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_bytes_of_headers_are_bounded_whether_they_end_or_not(step: int, end: bytes) -> None:
    assert read(b"GET / HTTP/1.1\r\nA: " + b"x" * 1019 + b"\r\n\r\n", step)
    with pytest.raises(HeadersTooLarge) as refused:
        read(b"GET / HTTP/1.1\r\nA: " + b"x" * 1100 + end, step)
    assert refused.value.limit == 1024


def test_the_number_of_headers_is_bounded() -> None:
    assert read(b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 8 + b"\r\n")
    with pytest.raises(HeadersTooLarge) as refused:
        read(b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 9 + b"\r\n")
    assert refused.value.limit == 8


@pytest.mark.parametrize("step", [1, 2, 10_000])
def test_a_bare_lf_in_a_head_is_not_waited_on(step: int) -> None:
    with pytest.raises(InvalidRequest, match="LF"):
        read(b"GET / HTTP/1.1\nHost: x\n\n", step)


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02", b"\x00", b" GET / HTTP/1.1\r\n", b"{", b"\xff"])
def test_what_begins_no_request_is_refused_at_its_first_byte(noise: bytes) -> None:
    with pytest.raises(InvalidRequest):
        check_start(noise)


def test_one_empty_line_before_a_request_is_passed_over() -> None:
    assert after_empty_line(b"\r\nGET") == b"GET"
    assert after_empty_line(b"GET") == b"GET"
    assert after_empty_line(b"\r") is None
    with pytest.raises(InvalidRequest):
        after_empty_line(b"\rG")


@pytest.mark.parametrize("method", [b"PROPFIND", b"CONNECT", b"PRI", b"FOO", b"get", b"M-SEARCH", b"x" * 32])
def test_an_unusual_method_is_kept_and_hidden_from_the_parser(method: bytes) -> None:
    assert foreign_method(method + b" / HTTP/1.1\r\n\r\n") == (method.decode(), b"POST / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("line", [b"x" * 33 + b" / HTTP/1.1", b"G\xc3 / HTTP/1.1", b"GET", b"G(T / HTTP/1.1", b" /"])
def test_what_is_no_method_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidRequest):
        foreign_method(line + b"\r\n\r\n")


def decoded(data: bytes, cuts: list[int]) -> tuple[bytes, bytes, bool]:
    chunks = Chunks()
    content = rest = b""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        if chunks.done:
            rest += data[start:end]
            continue
        more, rest = chunks.feed(data[start:end])
        content += more
    return content, rest, chunks.done


@given(
    st.lists(st.binary(min_size=1, max_size=40)),
    st.binary(max_size=20),
    st.lists(st.integers(min_value=0)),
    st.sampled_from([b"", b";a=b", b" ; x"]),
)
def test_a_chunked_body_is_what_its_chunks_hold_however_it_comes(
    pieces: list[bytes], after: bytes, cuts: list[int], extension: bytes
) -> None:
    data = b"".join(b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces) + b"0\r\n\r\n"
    assert decoded(data + after, cuts) == (b"".join(pieces), after, True)


@pytest.mark.parametrize("step", [1, 100])
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"x\r\n", "invalid_http_request"),
        (b"-1\r\n", "invalid_http_request"),
        (b"0x5\r\n", "invalid_http_request"),
        (b"+5\r\n", "invalid_http_request"),
        (b" 5\r\n", "invalid_http_request"),
        (b"\r\n", "invalid_http_request"),
        (b"123456789\r\n", "invalid_http_request"),
        (b"5\nhello\r\n0\r\n\r\n", "invalid_http_request"),
        (b"5\r\nhello\n0\r\n\r\n", "invalid_http_request"),
        (b"5\r\nhello!\r\n", "invalid_http_request"),
        (b"5;a=\r b\r\n", "invalid_http_request"),
        (b"5;" + b"x" * LINE_BYTES, "invalid_http_request"),
        (b"0\r\nA: b\r\n\r\n", "trailers_refused"),
        (b"0\r\n" + b"A" * 10, "trailers_refused"),
        (b"0\r\n\n", "invalid_http_request"),
    ],
)
def test_a_chunked_body_that_could_be_read_in_two_ways_is_refused(data: bytes, code: str, step: int) -> None:
    def feed() -> None:
        chunks = Chunks()
        for start in range(0, len(data), step):
            chunks.feed(data[start : start + step])

    with pytest.raises(InvalidRequest) as refused:
        feed()
    assert refused.value.code == code
