"""Stored pieces are read with the upload's id, its conversation and their number, and with nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_n8n_bridge.files.sealing import OVERHEAD, UploadCipher

TEXTS = st.text(max_size=20)
ROOMS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(TEXTS, ROOMS, st.integers(0, 600), st.binary(max_size=100))
def test_a_piece_is_opened_with_what_it_was_sealed_with(upload_id: str, room: str, number: int, data: bytes) -> None:
    sealed = UploadCipher(upload_id, room).seal(number, data)
    assert len(sealed) == len(data) + OVERHEAD
    assert UploadCipher(upload_id, room).open(number, sealed) == data
    assert UploadCipher(upload_id, f"{room}x").open(number, sealed) is None
    assert UploadCipher(f"{upload_id}x", room).open(number, sealed) is None
    assert UploadCipher(upload_id, room).open(number + 1, sealed) is None


@given(st.binary(max_size=40))
def test_what_was_not_sealed_is_nothing(stored: bytes) -> None:
    assert UploadCipher("id", "room").open(0, stored) is None


def test_the_key_tells_neither_the_id_nor_the_conversation() -> None:
    cipher = UploadCipher("an-id-that-is-random", "support:ada")
    assert cipher.key == UploadCipher("an-id-that-is-random", "support:eve").key
    assert len(cipher.key) == 48
    assert "ada" not in cipher.key
