"""What a decoder says of a body, as an error of ours."""

from __future__ import annotations

import re

import msgspec

from umbral_chat.errors import InvalidRequest, RequestError, UnsupportedMedia

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_PLACE = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")


_OUT_OF_RANGE = frozenset({"Number out of range", "Integer value out of range"})

_FORM = re.compile(rb"--[^\r\n]+\r?\n|[A-Za-z0-9_.~%+*\[\]-]+=")
"""How multipart and URL-encoded forms begin."""

_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""How gzip, zstd and zlib begin."""

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")


def refuse_encoded(content_encoding: bytes) -> None:
    """Raises UnsupportedMedia (`unsupported_encoding`) for a `Content-Encoding` that changes the bytes."""
    if content_encoding.strip().lower() not in {b"", b"identity"}:
        raise UnsupportedMedia(
            "The body has a Content-Encoding: send it uncompressed, without that header.",
            code="unsupported_encoding",
            field="content-encoding",
        )


def decode_error(error: Exception, raw: bytes) -> RequestError:
    """What a decoder says of the body `raw`, as an error that names the field: `unknown_field`, `missing_field`,
    `invalid_field`, `invalid_number`, `invalid_encoding`, `invalid_json`; or what the body is instead of
    JSON: `missing_body`, `unsupported_media_type`, `unsupported_encoding`."""
    if isinstance(error, msgspec.ValidationError):
        return shape_error(str(error))
    if (other := _no_json(raw)) is not None:
        return other
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
    if text in _OUT_OF_RANGE:
        # The place inside of a value of any type is not told.
        field = path.partition("[...]")[0] or "body"
        return InvalidRequest(
            f"{field} holds a number with too many digits or too great. Send it as text.",
            code="invalid_number",
            field=field,
        )
    return InvalidRequest(f"{path or 'The body'}: {text}.", code="invalid_field", field=path or "body")


def _no_json(raw: bytes) -> RequestError | None:
    """What a body is by its first bytes: the headers of many clients name another type than they send."""
    begins = raw[:1024].lstrip()
    if not begins:
        return missing_body()
    if raw.startswith(_MARKS):
        said, code = "begins with a byte order mark: send UTF-8 without it", "unsupported_encoding"
    elif raw.startswith(_COMPRESSED):
        said, code = "is compressed: send it as it is", "unsupported_encoding"
    elif b"\0" in raw[:4]:
        said, code = "is UTF-16 or UTF-32: send UTF-8", "unsupported_encoding"
    elif _FORM.match(begins):
        said, code = "is a form: send JSON, as application/json", "unsupported_media_type"
    elif begins.startswith(b"<"):
        said, code = "is XML or HTML: send JSON, as application/json", "unsupported_media_type"
    else:
        return None
    return UnsupportedMedia(f"The body {said}.", code=code, field="body")


def missing_body() -> InvalidRequest:
    """The error for a body that must be there and is not."""
    return InvalidRequest("The body is missing: send JSON.", code="missing_body", field="body")


__all__ = ["decode_error", "missing_body", "refuse_encoded", "shape_error"]
