"""What the metadata of a message says of its files."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.validation import check_metadata
from umbral_chat_n8n_bridge.files.reference import (
    FILES_MARK,
    UploadReference,
    names_of,
    reference_of,
    with_files,
    without_files,
)
from umbral_chat_n8n_bridge.files.uploaded import NAME_BYTES, UploadedFile

from tests.any_json import ANY_JSON

from . import samples

ID = "k" * 32


@given(samples.FILES.filter(bool))
def test_the_metadata_names_the_files_and_gives_back_what_the_page_added(files: list[UploadedFile]) -> None:
    page = {"page": "/", "attachments": [{"url": "https://shop.example/a.png"}]}
    found = with_files(page, ID, files, 16_384)
    reference = reference_of(found)
    assert reference == UploadReference(ID, len(files), sum(len(one.data) for one in files))
    assert names_of(found, reference) == [one.name for one in files]
    assert without_files(found, [reference]) == page
    assert without_files(with_files(None, ID, files, 16_384), [reference]) == {}


@pytest.mark.parametrize("letter", ["x", "\u4e2d", '"'])
def test_many_long_names_are_cut_to_what_may_be_stored(letter: str) -> None:
    name = letter * (NAME_BYTES // len(letter.encode()))
    found = with_files({"page": "/"}, ID, [UploadedFile(name, "text/plain", b"1")] * 50, 16_384)
    assert check_metadata(found, limit=16_384) is found
    assert found[FILES_MARK]["count"] == 50


def test_what_a_page_adds_leaves_room_or_the_message_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        with_files({"page": "x" * 16_000}, ID, [UploadedFile("a", "text/plain", b"")] * 10, 16_384)
    assert refused.value.code == "metadata_too_large"


@given(ANY_JSON, ANY_JSON)
def test_metadata_of_others_is_read_whatever_it_is(mark: Any, attachments: Any) -> None:
    metadata = {FILES_MARK: mark, "attachments": attachments}
    reference_of(metadata)
    known = UploadReference(ID, 1, 1)
    names_of(metadata, known)
    without_files(metadata, [known])
