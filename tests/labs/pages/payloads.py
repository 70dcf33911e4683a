"""The published list: the payloads of the package `brs-kb`, of all kinds that it knows."""

from __future__ import annotations

from functools import cache


@cache
def payloads() -> tuple[str, ...]:
    """Each payload once, in the order of the package: some 4,400."""
    from brs_kb import get_all_payloads

    found = dict.fromkeys(str(one["payload"]) for one in get_all_payloads().values())
    # A lone surrogate is no Unicode text, and can be in no request.
    return tuple(text for text in found if text.strip() and _is_text(text))


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


__all__ = ["payloads"]
