"""What a decoder says of a body, as an error of ours."""

from __future__ import annotations

import re

import msgspec

from umbral_chat.errors import InvalidRequest

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_PLACE = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")


def decode_error(error: Exception) -> InvalidRequest:
    """What a decoder says of a body, as an error that names the field: `unknown_field`, `missing_field`,
    `invalid_field`, `invalid_encoding`, `invalid_json`."""
    if isinstance(error, msgspec.ValidationError):
        return shape_error(str(error))
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("The body is not UTF-8.", code="invalid_encoding", field="body")
    return InvalidRequest(
        f"The body is not JSON that can be read ({error}). A lone surrogate is no text, and cannot be kept.",
        code="invalid_json",
        field="body",
    )


def shape_error(message: str) -> InvalidRequest:
    """A decoder's sentence about a value of the wrong shape, with the field that it is about."""
    place = _PLACE.search(message)
    path = place["path"] if place else ""
    text = _PLACE.sub("", message)
    for pattern, code, words in (
        (_UNKNOWN, "unknown_field", "There is no field {} here."),
        (_MISSING, "missing_field", "The field {} is missing."),
    ):
        if found := pattern.search(text):
            field = f"{path}.{found['name']}" if path else found["name"]
            return InvalidRequest(words.format(repr(field)), code=code, field=field)
    return InvalidRequest(f"{path or 'The body'}: {text}.", code="invalid_field", field=path or "body")


__all__ = ["decode_error", "shape_error"]
