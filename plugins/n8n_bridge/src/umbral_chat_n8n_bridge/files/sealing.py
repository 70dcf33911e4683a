"""Files are stored encrypted under their upload's id, which only the message's metadata has. Pure.

A database may hold copies of what was deleted, in the gaps of its pages and in its backups. With the metadata of a
message, which a redaction or a deletion wipes, goes what could read them.
"""

from __future__ import annotations

from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

OVERHEAD = 16
"""Bytes by which a sealed piece is longer: the tag of AES-GCM (NIST SP 800-38D)."""


class UploadCipher:
    """That of one upload, for one conversation: files are given to no other one, whoever names them there."""

    def __init__(self, upload_id: str, conversation: str) -> None:
        digest = blake2b(upload_id.encode("utf-8", "surrogatepass"), digest_size=56, person=b"n8n.files").digest()
        self._aead = AESGCM(digest[:32])
        self._conversation = conversation.encode()
        self.key = digest[32:].hex()
        """What the upload's records are called by in the store, which does not tell the id."""

    def seal(self, number: int, data: bytes) -> bytes:
        """The piece with this number. A number is used once, since it is what the key is used with."""
        return self._aead.encrypt(number.to_bytes(12, "big"), data, self._conversation)

    def open(self, number: int, sealed: bytes) -> bytes | None:
        """The piece; None: it is another one, or of another conversation."""
        try:
            return self._aead.decrypt(number.to_bytes(12, "big"), sealed, self._conversation)
        except (InvalidTag, ValueError):
            return None


__all__ = ["OVERHEAD", "UploadCipher"]
