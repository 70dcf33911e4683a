"""The page `docs/reference/api.md`, made from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

INTRODUCTION = """\
# HTTP API

The same as an OpenAPI document: `/schema/openapi.json` of a running service; `/schema` is for people.

JSON in snake_case, UTF-8. Times are RFC 3339 in UTC. A caller authenticates with `Authorization: Bearer KEY_OR_TOKEN`;
without any key in the settings every caller on the machine is its administrator and sends no header
([rights](rights.md)). An unknown field or parameter is an error. Errors are problem details with a `code` that does not
change ([errors](errors.md)).

A body is JSON in UTF-8, without a byte order mark and uncompressed. The service looks at the body, not at its
`Content-Type`: JSON that `curl -d` labels as a form is accepted, and a form is a 415. Objects and lists in a body, and
in a token, are nested at most `core.limits.depth` (32) deep, the body itself being the first level; a deeper one is
`too_deep`. What was stored deeper, before there was a bound, is still readable. Of a member that an object has twice
the last one counts. A route that takes no body refuses one; `{}` counts as none.

A path is not normalized: an empty segment (which an empty variable in a URL makes), a slash at the end, an encoded
slash, a raw `#`, and `.` and `..` are errors. A parameter that is given twice is an error. `HEAD` works wherever `GET`
does, and `OPTIONS` answers with the methods of a route.

A conversation's id is chosen by the caller: 1 to 128 of the characters `A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , ; = : @`,
not `.` or `..` (nor what begins with one of the two and `;`). So is a message's. These are what a URL's path may hold;
percent-encode an id there all the same, as `encodeURIComponent` does. An id cannot hold `/`, encoded or not: [use your
platform's ids](../how-to/use-your-platforms-ids.md) shows how to write it, and every other character. Upper and lower
case differ. The first message creates the conversation. One that was never created reads as empty.

A `cursor` is opaque: send it back exactly as it was given. `0`, or none, is the beginning of the log. `after` and
`before` of the history page are no cursors but the `seq` of a message.

A message has text, or attachments, or both. `metadata.attachments` is a list of objects with the `url` of a file or the
`id` under which you keep it, and as far as you know them `name`, `type` (a media type) and `size` in bytes; files
themselves are not kept here. Where it has something, `content` may be empty or left out. Transcripts that are text, and
`umbral-chat tail`, write `[name]` for a message without text.

Every write takes an idempotency key, in the header `Idempotency-Key` (text in UTF-8) or as `client_id` in the body. A
repeat with the same key is answered with the first entry and stores nothing.

A caller that may read a conversation reads all of it, visitors included: every entry whole, `client_id` and `metadata`
included, and the conversation's title, metadata and members. Hidden from visitors are the ids, devices and metadata of
people in presence, and `last_seen`. What visitors must not see belongs in another conversation, `internal:{id}`:
conversation tokens, and members with another role than `agent`, have no right on it (403 `internal_conversation`).
Where the id has more than 119 characters, it is `internal.sha256:` and the SHA-256 of the id in lower-case hex.

Authors are distinguished by kind and subject: a service key, a token and a Supabase user of one name are three. A
sender's `name` is set by the service that issued the token, added the member or sent in its name; it is kept on one
line, without control and invisible characters.

Visitors and users have rate limits and limits of what they may hold at once (`core.limits.*`, [settings](settings.md));
service keys have no rates. Each of these has a rate of its own: requests of any kind, writes (with presence and
typing), pieces of drafts, read markers, `connect`, and transcripts. Past the rate the answer is 429 `rate_limited` with
`limit` and `Retry-After`. One visitor holds at most 32 long polls (`too_many_own_readers`) and writes at most 4
messages at once in a conversation (`too_many_own_drafts`); all visitors together leave a share to service keys. The
`message_id` of a draft belongs to its author: a piece or a message with that id by another author is a 409
`not_your_draft`, and a service key's draft replaces a visitor's.

Every answer forbids browsers to load, frame and guess anything: `X-Content-Type-Options`, `Content-Security-Policy` and
`X-Frame-Options`.
"""

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "object": "an object",
}
_REF = "#/components/schemas/"
_METHODS = ("get", "post", "put", "patch", "delete")


def api_page(document: dict[str, Any]) -> str:
    """The Markdown page: every operation by its tag, then every shape of their bodies and answers."""
    parts = [INTRODUCTION]
    for tag, operations in _by_tag(document).items():
        parts.append(f"\n## {tag.capitalize()}\n")
        for path, method, operation in operations:
            parts += _operation(path, method, operation)
    parts.append("\n## Shapes\n\nA field that is not marked may be left out; in an answer it is left out when unset.\n")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(f"\n### {name}\n\n" + _table("field", _fields(schema)))
    return "".join(parts)


def _by_tag(document: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in item:
                found.setdefault(item[method]["tags"][0], []).append((path, method, item[method]))
    return dict(sorted(found.items()))


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    right = operation["x-right"]
    needs = "Open to all." if right == "public" else f"Needs the right `{right}`."
    yield f"\n### {method.upper()} {path}\n\n{operation['summary']}. {needs}\n"
    if description := operation.get("description"):
        yield f"\n{description.strip()}\n"
    rows = [
        (f"`{one['name']}`", one["in"], _default(one["schema"]), one.get("description", ""))
        for one in operation.get("parameters", [])
        if one["in"] != "path"
    ]
    if rows:
        yield "\n" + _table("parameter | in", rows)
    if body := operation.get("requestBody"):
        optional = "" if body.get("required") else " It may be left out."
        yield f"\nBody: {_shape(body['content'])}.{optional}\n"
    yield "\n" + "\n".join(_answers(operation["responses"])) + "\n"


def _answers(responses: dict[str, Any]) -> Iterator[str]:
    problems = []
    for status, response in sorted(responses.items()):
        if "$ref" in response or "application/problem+json" in response.get("content", {}):
            problems += [] if status == "default" else [status]
            continue
        content = response.get("content")
        shown = _shape(content) if content else response.get("description", "nothing")
        yield f"- {status}: {shown}"
    if problems:
        yield f"- {', '.join(problems)}: a problem"


def _shape(content: dict[str, Any]) -> str:
    words = {_words(body["schema"]) for body in content.values()} - {"anything"}
    return " or ".join(sorted(words)) if words else "as " + " or ".join(f"`{media_type}`" for media_type in content)


def _fields(schema: dict[str, Any]) -> list[tuple[str, str, str]]:
    required = schema.get("required", [])
    return [
        (f"`{name}`" + (" (required)" if name in required else ""), _default(field), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def _default(schema: dict[str, Any]) -> str:
    words = _words(schema)
    if (default := schema.get("default")) is not None:
        words += f"; default `{str(default).lower() if isinstance(default, bool) else default}`"
    return words


def _words(schema: dict[str, Any]) -> str:
    """A schema's type in words."""
    if reference := schema.get("$ref"):
        name = reference.removeprefix(_REF)
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(_words(choice) for choice in choices)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    kind = schema.get("type")
    if kind == "array":
        return f"a list of {_words(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "a time"
    kinds = kind if isinstance(kind, list) else [kind]
    words = " or ".join(_WORDS.get(str(one), "anything") for one in kinds)
    if (least := schema.get("minimum")) is not None:
        words += f", {least:g} or more"
    return words


def _table(first: str, rows: Iterable[tuple[str, ...]]) -> str:
    head = f"| {first} | is | meaning |"
    lines = [head, "|" + " --- |" * (head.count("|") - 1)]
    lines += ["| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


__all__ = ["api_page"]
