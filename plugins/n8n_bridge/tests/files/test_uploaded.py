"""Names and media types of files, whatever a browser or a program says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest, TooLarge
from umbral_chat_n8n_bridge.files.uploaded import (
    NAME_BYTES,
    UNKNOWN_TYPE,
    FileLimits,
    UploadedFile,
    clean_name,
    clean_type,
    cut_name,
)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.txt", "a.txt"),
        ("C:\\Users\\ada\\photo.png", "photo.png"),
        ("../../etc/passwd", "passwd"),
        ("", "file"),
        ("..", "file"),
        ("folder/", "file"),
        ("a\r\nContent-Type: x", "a Content-Type: x"),
        ("gnp.\u202eexe", "gnp. exe"),
        ("  two   words .txt ", "two words .txt"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
        ),
        ("\0\x07", "file"),
    ],
)
def test_a_name_is_the_last_part_and_can_be_shown(given: str, name: str) -> None:
    assert clean_name(given) == name


@given(st.text())
def test_every_name_is_one_that_may_be_stored(given: str) -> None:
    name = clean_name(given)
    assert name
    assert len(name.encode("utf-8", "surrogatepass")) <= NAME_BYTES
    assert not set("/\\\r\n\0") & set(name)
    assert clean_name(name) == name


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300), st.integers(16, 255))
def test_a_name_is_cut_between_characters(name: str, size: int) -> None:
    cut = cut_name(name, size)
    assert len(cut.encode()) <= size
    assert cut == name or len(name.encode()) > size


def test_a_name_that_is_cut_keeps_its_extension() -> None:
    assert cut_name("x" * 300 + ".png", 20) == "x" * 16 + ".png"
    assert cut_name("." + "x" * 300, 20) == "." + "x" * 19


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("image/PNG", "image/png"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("text", UNKNOWN_TYPE),
        ("text/plain\r\nX-Evil: 1", UNKNOWN_TYPE),
        ("text/plain\n", "text/plain"),
        ("a/b/c", UNKNOWN_TYPE),
        ("x" * 200 + "/y", UNKNOWN_TYPE),
        ("", UNKNOWN_TYPE),
        (None, UNKNOWN_TYPE),
    ],
)
def test_a_type_has_the_form_of_one(given: str | None, kind: str) -> None:
    assert clean_type(given) == kind


def test_number_and_size_are_bounded() -> None:
    limits = FileLimits(2, 2_097_152)
    limits.check(2, 2_097_152)
    with pytest.raises(InvalidRequest, match="At most 2 files") as refused:
        limits.check(3, 0)
    assert (refused.value.code, refused.value.field) == ("invalid_field", "files")
    with pytest.raises(TooLarge, match="2 MB together"):
        limits.check(1, 2_097_153)


def test_the_data_of_a_file_is_in_no_log_line() -> None:
    assert "secret" not in repr(UploadedFile("secret.txt", "text/plain", b"secret"))
