"""How deep JSON is nested: told from its bytes before anything decodes it, and what was stored deeper stays readable.

Decoders and encoders recurse, and how far they get is what is left of the stack: a value that one of them takes, the
next may refuse. So what comes in is held to one small depth (`core.limits.depth`), and what lies deeper in the store
since an earlier version is never decoded: it is passed on as the JSON text that it is.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, TypeVar

import msgspec

from umbral_chat.errors import InvalidRequest

T = TypeVar("T")

DEPTH = 32
"""Levels of objects and lists that are taken by default, the outermost being the first."""

DEEPEST = 64
"""The most that `core.limits.depth` may be: below `STORED_DEPTH` by more than what answers wrap around a value."""

STORED_DEPTH = 100
"""Levels of a stored value that are decoded. Python has a thousand for everything that is under way."""

_SCALARS = bytes(set(range(256)) - set(b'[]{}"'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A string, closed or not, or a bracket. Possessive: no text makes it look twice."""


def is_deeper(data: bytes | str, depth: int) -> bool:
    """Whether JSON text has more than `depth` levels of objects and lists. Brackets in strings count for nothing.

    Takes time in proportion to the text, and none of the stack. What is no JSON is one or the other, but a decoder that
    is given what is not deeper never goes beyond twice the depth.
    """
    if len(data) <= 2 * depth:
        return False
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) < _SHORT and data.count(b"[") + data.count(b"{") <= depth:
        return False
    brackets = _brackets(data)
    run = b"[" * (depth + 1)
    # Each turn takes off the innermost pairs: a text of n levels is empty after n of them.
    for _ in range(depth):
        if run in brackets:
            return True
        before = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == before:
            return brackets.count(b"[") > depth  # nothing closes what is open: no JSON
    return 2 * brackets.count(b"[") >= len(brackets) > 0


_SHORT = 4096
"""Bytes up to which counting brackets costs less than picking them out."""


def _brackets(data: bytes) -> bytes:
    """The brackets outside of strings, all of one kind."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = data.translate(_ONE_KIND, _SCALARS).replace(b'""', b"")
    # What is left of strings are those with brackets in them; between two quotes is every other piece.
    return b"".join(marks.split(b'"')[::2]) if b'"' in marks else marks


def check_depth(data: bytes, depth: int, *, field: str = "body") -> None:
    """Raises InvalidRequest (`too_deep`) for JSON text of more than `depth` levels. It names the member of the
    outermost object that is too deep, and `field` where there is none."""
    if is_deeper(data, depth):
        raise too_deep(depth, field=_member(data, depth) or field)


def check_value_depth(value: Any, depth: int, *, field: str) -> None:
    """The same for a decoded value: dicts, lists and tuples in each other. Raises InvalidRequest (`too_deep`)."""
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
        f"{field} is nested too deep: {depth} levels of objects and lists are taken (core.limits.depth), the body "
        "itself being the first. Flatten it, or send it as text.",
        code="too_deep",
        field=field,
        limit=depth,
    )


def decode_stored(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    """What `decoder` makes of stored JSON, however deep it is.

    Inside values of any type (such as metadata), what lies below `STORED_DEPTH` levels becomes a `msgspec.Raw`: an
    encoder writes it out as it was. Raises what `decoder` raises.
    """
    if not is_deeper(data, STORED_DEPTH):
        return decoder.decode(data)
    text = data.encode() if isinstance(data, str) else data
    mark = f"deep-{secrets.token_hex(12)}-"
    shallow, parts = _cut(text, STORED_DEPTH, f'"{mark}%d"'.encode())
    return _filled(decoder.decode(shallow), mark, parts)


def decode_bounded(decoder: msgspec.json.Decoder[T], data: bytes | str | msgspec.Raw) -> T:
    """What `decoder` makes of JSON that another instance or service wrote, and that this one writes on in other words.

    Raises what `decoder` raises, and msgspec.DecodeError for more than `STORED_DEPTH` levels.
    """
    text = bytes(data) if isinstance(data, msgspec.Raw) else data
    if is_deeper(text, STORED_DEPTH):
        raise msgspec.DecodeError(f"nested deeper than {STORED_DEPTH} levels")
    return decoder.decode(text)


def flattened(data: bytes | str, depth: int) -> bytes:
    """JSON text with null in place of every object and list that lies deeper than `depth` levels."""
    return _cut(data.encode() if isinstance(data, str) else data, depth, b"null")[0]


def _cut(data: bytes, depth: int, instead: bytes) -> tuple[bytes, list[bytes]]:
    """The text with `instead`, in which `%d` is a part's number, in place of each part that lies too deep; and those
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
    """The decoded value with the parts that were cut out, as they are."""
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
    """What can hold more: the containers directly inside of `value`."""
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
