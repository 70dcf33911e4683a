"""Files in the widget's frames."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest, TooLarge
from umbral_chat_n8n_bridge.files.data_urls import decoded_files, decoded_size, encoded_file
from umbral_chat_n8n_bridge.files.uploaded import FileLimits, UploadedFile

from tests.any_json import ANY_JSON

from . import samples

LIMITS = FileLimits(5, 50_000)


@given(samples.FILES)
def test_what_we_send_is_read_back_equal(files: list[UploadedFile]) -> None:
    sent = [encoded_file(one) for one in files]
    assert decoded_files(sent, LIMITS) == files
    assert decoded_size(sent) >= sum(len(one.data) for one in files)


@given(st.lists(ANY_JSON, max_size=6))
def test_whatever_is_sent_is_read_or_refused(given: list[Any]) -> None:
    decoded_size(given)
    with suppress(InvalidRequest, TooLarge):
        decoded_files(given, LIMITS)


def file(data: str, **more: Any) -> dict[str, Any]:
    return {"name": "a.txt", "type": "text/plain", "data": data, **more}


@pytest.mark.parametrize(
    "data",
    [
        "",
        "aGk=",
        "data:text/plain,hi",
        "data:text/plain;base64",
        "data:;base64,a",
        "data:;base64,a b=",
        "data:;base64,ä",
    ],
)
def test_what_is_no_data_url_in_base64_is_refused(data: str) -> None:
    with pytest.raises(InvalidRequest):
        decoded_files([file(data)], LIMITS)


def test_its_bounds() -> None:
    with pytest.raises(InvalidRequest):
        decoded_files([file("data:")] * 6, LIMITS)
    with pytest.raises(TooLarge):
        decoded_files([file("data:;base64," + "AAAA" * 10_000)] * 2, LIMITS)


def test_the_type_may_be_in_the_url_alone_and_an_empty_file_without_base64() -> None:
    found = decoded_files([file("data:image/png;base64,aGk=", type=""), file("data:")], LIMITS)
    assert found == [UploadedFile("a.txt", "image/png", b"hi"), UploadedFile("a.txt", "text/plain", b"")]
