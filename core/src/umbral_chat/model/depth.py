"""The nesting depth of JSON: checked on the bytes before decoding; deeper values that were stored earlier stay
readable.

Decoders and encoders recurse, and how deep they get depends on the remaining stack: a value that one of them accepts,
another may refuse. So input is limited to a small depth (`core.limits.depth`), and values that an earlier version
stored with a greater depth are never decoded: they are passed on as JSON text.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, TypeVar

import msgspec

from umbral_chat.errors import InvalidRequest

T = TypeVar("T")

DEPTH = 32
"""Default limit of levels of objects and lists; the outermost is the first."""

DEEPEST = 64
"""Highest value of `core.limits.depth`: below `STORED_DEPTH` by more levels than answers put around a value."""

STORED_DEPTH = 100
"""Levels of a stored value that are decoded. Python's recursion limit, for the whole stack, is 1000."""

_SCALARS = bytes(set(range(256)) - set(b'[]{}"'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A string, closed or not, or a bracket. The quantifiers are possessive, so no text causes backtracking."""


def is_deeper(data: bytes | str, depth: int) -> bool:
    """Whether JSON text has more than `depth` levels of objects and lists. Brackets in strings do not count.

    Takes time proportional to the text, and does not recurse. For text that is not JSON the answer is arbitrary, but a
    decoder never recurses beyond twice the depth on text that is "not deeper".
    """
    if len(data) <= 2 * depth:
        return False
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) < _SHORT and data.count(b"[") + data.count(b"{") <= depth:
        return False
    brackets = _brackets(data)
    run = b"[" * (depth + 1)
    # Each pass removes the innermost pairs: a text of n levels is empty after n passes.
    for _ in range(depth):
        if run in brackets:
            return True
        before = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == before:
            return brackets.count(b"[") > depth  # unclosed brackets: not JSON
    return 2 * brackets.count(b"[") >= len(brackets) > 0


_SHORT = 4096
"""Bytes up to which counting brackets costs less than extracting them."""


def _brackets(data: bytes) -> bytes:
    """The brackets outside of strings, with braces replaced by square brackets."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = data.translate(_ONE_KIND, _SCALARS).replace(b'""', b"")
    # Only strings with brackets in them are left; every other piece between quotes is inside a string.
    return b"".join(marks.split(b'"')[::2]) if b'"' in marks else marks


def check_depth(data: bytes, depth: int, *, field: str = "body") -> None:
    """Raises InvalidRequest (`too_deep`) for JSON text of more than `depth` levels. Its field is the member of
    the outermost object that is too deep, or `field` where there is none."""
    if is_deeper(data, depth):
        raise too_deep(depth, field=_member(data, depth) or field)


def check_value_depth(value: Any, depth: int, *, field: str) -> None:
    """Raises InvalidRequest (`too_deep`) for a decoded value with more than `depth` levels."""
    if value_is_deeper(value, depth):
        raise too_deep(depth, field=field)


def value_is_deeper(value: Any, depth: int) -> bool:
    """Whether a decoded value has more than `depth` levels of dicts, lists and tuples."""
    level = [value]
    for _ in range(depth):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return False
    return True


def too_deep(depth: int, *, field: str) -> InvalidRequest:
    """The error for what is nested deeper than `depth` levels."""
    return InvalidRequest(
        f"{field} is nested too deep: at most {depth} levels of objects and lists are allowed (core.limits.depth), "
        "the body itself being the first. Flatten it, or send it as text.",
        code="too_deep",
        field=field,
        limit=depth,
    )


def decode_stored(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    """Decode stored JSON of any depth.

    Inside values of type Any (such as metadata), values below `STORED_DEPTH` levels become a `msgspec.Raw`, which an
    encoder writes unchanged. Raises what `decoder` raises.
    """
    if not is_deeper(data, STORED_DEPTH):
        return decoder.decode(data)
    text = data.encode() if isinstance(data, str) else data
    mark = f"deep-{secrets.token_hex(12)}-"
    shallow, parts = _cut(text, STORED_DEPTH, f'"{mark}%d"'.encode())
    return _filled(decoder.decode(shallow), mark, parts)


def decode_bounded(decoder: msgspec.json.Decoder[T], data: bytes | str | msgspec.Raw) -> T:
    """Decode JSON that another instance or service wrote, and that this one encodes again in another form.

    Raises what `decoder` raises, and msgspec.DecodeError for more than `STORED_DEPTH` levels.
    """
    text = bytes(data) if isinstance(data, msgspec.Raw) else data
    if is_deeper(text, STORED_DEPTH):
        raise msgspec.DecodeError(f"nested deeper than {STORED_DEPTH} levels")
    return decoder.decode(text)


def flattened(data: bytes | str, depth: int) -> bytes:
    """JSON text with null in place of every object and list below `depth` levels."""
    return _cut(data.encode() if isinstance(data, str) else data, depth, b"null")[0]


def _cut(data: bytes, depth: int, instead: bytes) -> tuple[bytes, list[bytes]]:
    """The text with each part below `depth` levels replaced by `instead` (`%d` in it is the part's number), and the
    parts."""
    pieces: list[bytes] = []
    parts: list[bytes] = []
    level = kept = start = 0
    for token in _TOKEN.finditer(data):
        if token[0] in b"[{":
            level += 1
            if level == depth + 1:
                start = token.start()
        elif token[0] in b"]}":
            if level == depth + 1:
                pieces += (data[kept:start], instead.replace(b"%d", b"%d" % len(parts)))
                kept = token.end()
                parts.append(data[start:kept])
            level -= 1
    pieces.append(data[kept:])
    return b"".join(pieces), parts


def _filled(value: T, mark: str, parts: list[bytes]) -> T:
    """Put the parts that were cut out back into the decoded value, as raw JSON."""
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        items: Any = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, inner in list(items):
            if isinstance(inner, str) and inner.startswith(mark):
                one[key] = msgspec.Raw(parts[int(inner.removeprefix(mark))])
        waiting += _inside(one)
    return value


def _inside(value: Any) -> list[Any]:
    """The containers directly inside of `value`."""
    found: Any
    if isinstance(value, dict):
        found = value.values()
    elif isinstance(value, list | tuple):
        found = value
    elif isinstance(value, msgspec.Struct):
        found = [getattr(value, name) for name in value.__struct_fields__]
    else:
        return []
    return [one for one in found if isinstance(one, dict | list | tuple | msgspec.Struct)]


def _member(data: bytes, depth: int) -> str | None:
    """The key of the outermost object under which the text is too deep."""
    level = 0
    key: bytes | None = None
    for token in _TOKEN.finditer(data):
        if token[0] in b"[{":
            level += 1
            if level > depth:
                break
        elif token[0] in b"]}":
            level -= 1
        elif level == 1:
            key = token[0]
    try:
        return None if key is None or not data.lstrip().startswith(b"{") else msgspec.json.decode(key, type=str)[:128]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


__all__ = [
    "DEEPEST",
    "DEPTH",
    "STORED_DEPTH",
    "check_depth",
    "check_value_depth",
    "decode_bounded",
    "decode_stored",
    "flattened",
    "is_deeper",
    "too_deep",
    "value_is_deeper",
]
