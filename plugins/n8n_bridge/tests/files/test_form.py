"""Forms: what we send is read back equal, by us and by another, and nothing that is sent raises but a refusal."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multipart import MultipartParser, parse_options_header  # type: ignore[import-untyped]  # it has no types
from umbral_chat.errors import InvalidRequest, TooLarge, UnsupportedMedia
from umbral_chat_n8n_bridge.files.form import HEADER_BYTES, HEADERS, TEXTS, FormReader, WidgetForm, is_form
from umbral_chat_n8n_bridge.files.uploaded import FileLimits, UploadedFile
from umbral_chat_n8n_bridge.relay.call import form_of

from plugins.n8n_bridge.tests.n8n import call_of

from . import samples

LIMITS = FileLimits(5, 50_000)
TYPE = "multipart/form-data; boundary=x"


def read(body: bytes, content_type: str = TYPE, *, step: int = 0, text_bytes: int = 262_144) -> WidgetForm:
    reader = FormReader(content_type, LIMITS, text_bytes)
    for at in range(0, len(body), step or max(1, len(body))):
        reader.feed(body[at : at + (step or len(body))])
    return reader.end()


def part(head: str, data: bytes = b"", kind: str = "") -> bytes:
    more = f"Content-Type: {kind}\r\n" if kind else ""
    return f"--x\r\nContent-Disposition: form-data; {head}\r\n{more}\r\n".encode() + data + b"\r\n"


@given(samples.TEXTS, samples.FILES, st.integers(0, 40))
def test_what_we_send_is_read_back_equal(texts: dict[str, Any], files: list[UploadedFile], step: int) -> None:
    if not files:
        return  # then it is JSON
    content = form_of(texts, files)
    assert read(content.body, content.type, step=step) == WidgetForm(texts, files)
    boundary = parse_options_header(content.type)[1]["boundary"]
    parsed = list(MultipartParser(BytesIO(content.body), boundary))
    assert {one.name: one.raw.decode() for one in parsed if not one.filename} == texts
    assert [(one.filename, one.content_type, one.raw) for one in parsed if one.filename] == files


@given(samples.TEXTS, samples.FILES)
def test_what_we_send_is_read_by_another_library(texts: dict[str, Any], files: list[UploadedFile]) -> None:
    named = [UploadedFile(f"{at}.txt", one.type, one.data) for at, one in enumerate(files)]
    if not named:
        return
    content = form_of(texts, named)
    call = call_of(content.type, content.body)
    assert [tuple(one.values()) for one in call.pop("files")] == named
    assert call == texts


FRAGMENTS = st.sampled_from(
    [
        b"--x\r\n",
        b"--x--",
        b"--x",
        b"\r\n",
        b"\n",
        b"Content-Disposition: form-data",
        b'; name="files"',
        b'; name="chatInput"',
        b'; filename="a.txt"',
        b"; filename*=utf-8''%ff",
        b'; name="',
        b"Content-Length: 7\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Type: text/plain; charset=none\r\n",
        b" continued\r\n",
        b": \r\n",
        b"\xff\x00",
        b"data",
        b"\\" * 50 + b'"',
    ]
)


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=20)), max_size=40), st.integers(0, 9))
@example([b"--x\r\n", b"Content-Disposition: form-data", b"\r\n\r\n", b"\r\n--x--"], 0)
def test_whatever_is_sent_is_read_or_refused(pieces: list[bytes], step: int) -> None:
    with suppress(InvalidRequest, TooLarge):
        read(b"".join(pieces), step=step)


@given(st.text(max_size=300))
def test_whatever_type_is_sent_is_taken_or_refused(content_type: str) -> None:
    with suppress(UnsupportedMedia):
        FormReader(f"multipart/form-data; {content_type}", LIMITS, 100)


def test_a_type_without_a_boundary_is_refused() -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=", f"{TYPE}{'y' * 300}"):
        with pytest.raises(UnsupportedMedia):
            FormReader(content_type, LIMITS, 100)


def test_which_types_are_forms() -> None:
    assert is_form("Multipart/Form-Data; boundary=x")
    assert not is_form("multipart/mixed; boundary=x")
    assert not is_form("application/json")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        part('name="chatInput"', b"hi"),  # no end
        part('name="chatInput"', b"hi") * 2 + b"--x--\r\n",
        part('name="chatInput"', b"\xff") + b"--x--\r\n",
        part('name="files"', b"no file") + b"--x--\r\n",
        part('name="other"; filename="a"', b"") + b"--x--\r\n",
        b"--x\r\n" + b"A: b\r\n" * (HEADERS + 1) + b"\r\n\r\n--x--",
        b"--x\r\nA: " + b"b" * HEADER_BYTES + b"\r\n\r\n\r\n--x--",
        b"".join(part(f'name="t{at}"') for at in range(LIMITS.number + TEXTS + 1)) + b"--x--",
        b"".join(part('name="files"; filename="a"', b"1") for _ in range(LIMITS.number + 1)) + b"--x--",
    ],
)
def test_a_bad_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(body)
    assert refused.value.code == "invalid_field"


@pytest.mark.parametrize("step", [0, 1_000])
@pytest.mark.parametrize(
    "body",
    [
        part('name="files"; filename="a"', b"1" * 50_001) + b"--x--",
        part('name="files"; filename="a"', b"1" * 30_000) * 2 + b"--x--",
        part('name="chatInput"', b"1" * 1_001) + b"--x--",
        part('name="chatInput"', b"1" * 600) + part('name="other"', b"1" * 600) + b"--x--",
        b"\r\n" * 1_000 + part('name="chatInput"', b"hi") + b"--x--",
        part('name="chatInput"', b"hi") + b"--x--" + b"\r\n" * 1_000,
    ],
)
def test_a_form_that_is_too_large_is_refused(body: bytes, step: int) -> None:
    with pytest.raises(TooLarge):
        read(body, step=step, text_bytes=1_000)


def test_an_empty_file_is_one_and_an_input_without_a_choice_is_none() -> None:
    body = part('name="files"; filename="empty.txt"', b"", "text/plain") + part('name="files"; filename=""') + b"--x--"
    assert read(body).files == [UploadedFile("empty.txt", "text/plain", b"")]


def test_names_of_browsers_and_programs() -> None:
    for written, name in (('"a%22b.txt"', 'a"b.txt'), ('"C:\\x\\y.txt"', "y.txt"), ('"\u00e4.txt"', "\u00e4.txt")):
        body = part(f'name="files"; filename={written}', b"1") + b"--x--"
        assert [one.name for one in read(body).files] == [name]
