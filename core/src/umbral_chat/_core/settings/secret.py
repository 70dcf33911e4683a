"""A secret that never appears in output."""

from __future__ import annotations

import hmac


class Secret:
    """Text that no repr, log, error or dump shows. Only `reveal()` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('********')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(_bytes(self), _bytes(other))

    def __hash__(self) -> int:
        return hash(self._text)


def _bytes(secret: Secret) -> bytes:
    # A lone surrogate must not raise: the secret would be in the error.
    return secret.reveal().encode("utf-8", "surrogatepass")


__all__ = ["Secret"]
