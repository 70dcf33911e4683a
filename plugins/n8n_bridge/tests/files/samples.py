"""Files and forms for the tests of this folder."""

from __future__ import annotations

from hypothesis import strategies as st
from umbral_chat_n8n_bridge.files.uploaded import UploadedFile, clean_name, clean_type

NAMES = st.text(st.characters(codec="utf-8"), max_size=40).map(clean_name)
TYPES = st.sampled_from(["text/plain", "image/png", "application/vnd.oasis.opendocument.text", "x"]).map(clean_type)
DATA = st.one_of(st.binary(max_size=200), st.sampled_from([b"", b"\r\n--", b"\r\n--x--\r\n", b"\r" * 70, b"a" * 5_000]))
FILES = st.lists(st.builds(UploadedFile, NAMES, TYPES, DATA), max_size=5)
TEXTS = st.dictionaries(
    st.sampled_from(["action", "sessionId", "chatInput", "metadata"]),
    st.text(st.characters(codec="utf-8"), max_size=60),
)

__all__ = ["DATA", "FILES", "NAMES", "TEXTS", "TYPES"]
