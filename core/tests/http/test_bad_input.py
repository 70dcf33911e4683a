"""Bad input: a problem answer with its code, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import KEYS, Client, entries, send

SEND = "/v1/conversations/room/messages"
JSON = {"content-type": "application/json"}


def problem(answer: Any, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """The problem details, after checking what every problem has."""
    found: dict[str, Any] = answer.json()
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (answer.status_code, found["status"], found["code"]) == (status, status, code), found
    assert found["title"]
    assert found["detail"]
    assert found.get("field") == field
    return found


async def nothing_written(client: Client) -> None:
    """No conversation was made, nor anything in `room`."""
    assert await entries(client, "room") == []
    assert (await client.get("/v1/conversations")).json()["conversations"] == []


async def test_wrong_key(keyed: Client) -> None:
    answer = await keyed.post(SEND, json={"content": "x"}, headers={"authorization": "Bearer wrong"})
    problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    await nothing_written(keyed)


async def test_no_key(keyed: Client) -> None:
    del keyed.headers["authorization"]
    problem(await keyed.post(SEND, json={"content": "x"}), 401, "unauthorized")


async def test_key_without_the_right(keyed: Client) -> None:
    answer = await keyed.post(SEND, json={"content": "x"}, headers={"authorization": f"Bearer {KEYS[1]['key']}"})
    assert problem(answer, 403, "forbidden")["right"] == "send"
    await nothing_written(keyed)


async def token(client: Client, **body: Any) -> str:
    """A visitor's token."""
    answer = await client.post("/v1/tokens", json={"conversation": "room", "subject": "visitor-1", **body})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["token"]
    return found


async def test_expired_token(keyed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import time
    from datetime import UTC, datetime, timedelta

    from umbral_chat.clock import SystemClock

    visitor = {"authorization": f"Bearer {await token(keyed, ttl=60)}"}
    assert (await keyed.get("/v1/conversations/room/events", headers=visitor)).status_code == 200
    later = time.time() + 61
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.fromtimestamp(later, UTC) + timedelta(seconds=0))
    problem(await keyed.post(SEND, json={"content": "x"}, headers=visitor), 401, "token_expired")
    assert await entries(keyed, "room") == []


async def test_foreign_conversation(keyed: Client) -> None:
    visitor = {"authorization": f"Bearer {await token(keyed)}"}
    problem(
        await keyed.post("/v1/conversations/other/messages", json={"content": "x"}, headers=visitor),
        403,
        "foreign_conversation",
    )
    problem(await keyed.get("/v1/conversations/other/events", headers=visitor), 403, "foreign_conversation")
    assert await entries(keyed, "other") == []


async def test_visitor_who_speaks_as_the_assistant(keyed: Client) -> None:
    visitor = {"authorization": f"Bearer {await token(keyed)}"}
    answer = await keyed.post(SEND, json={"content": "x", "sender": {"role": "assistant"}}, headers=visitor)
    problem(answer, 403, "may_not_speak_as", "sender.role")
    assert await entries(keyed, "room") == []


async def test_visitor_may_not_list_change_or_delete(keyed: Client) -> None:
    visitor = {"authorization": f"Bearer {await token(keyed)}"}
    problem(await keyed.get("/v1/conversations", headers=visitor), 403, "forbidden")
    problem(await keyed.delete("/v1/conversations/room", headers=visitor), 403, "forbidden")
    problem(await keyed.patch("/v1/conversations/room", json={"title": "x"}, headers=visitor), 403, "forbidden")


async def test_visitor_edits_only_its_own(keyed: Client) -> None:
    visitor = {"authorization": f"Bearer {await token(keyed)}"}
    ours = (await send(keyed, "room", "ours"))["entry"]["message_id"]
    answer = await keyed.patch(f"{SEND}/{ours}", json={"content": "theirs"}, headers=visitor)
    problem(answer, 403, "not_your_message")
    assert len(await entries(keyed, "room")) == 1


@pytest.mark.parametrize("path", [SEND, "/v1/conversations"])
async def test_two_mebibyte_body(client: Client, path: str) -> None:
    body = b'{"content": "' + b"x" * (2 * 1024 * 1024) + b'"}'
    found = problem(await client.post(path, content=body, headers=JSON), 413, "body_too_large", "body")
    assert found["limit"] == 262_144
    await nothing_written(client)


@pytest.mark.parametrize(("path", "name"), [(SEND, b"content"), ("/v1/conversations", b"title")])
async def test_invalid_utf8(client: Client, path: str, name: bytes) -> None:
    answer = await client.post(path, content=b'{"' + name + b'": "\xff\xfe"}', headers=JSON)
    problem(answer, 400, "invalid_encoding", "body")
    await nothing_written(client)


@pytest.mark.parametrize(("path", "name"), [(SEND, "content"), ("/v1/conversations", "title")])
async def test_lone_surrogate(client: Client, path: str, name: str) -> None:
    answer = await client.post(path, content=f'{{"{name}": "a\\ud800b"}}'.encode(), headers=JSON)
    problem(answer, 400, "invalid_json", "body")
    await nothing_written(client)


async def test_nul_in_the_content(client: Client) -> None:
    problem(await client.post(SEND, json={"content": "a\0b"}), 400, "nul_character", "content")
    problem(await client.post(SEND, json={"content": "a", "metadata": {"k": ["\0"]}}), 400, "nul_character", "metadata")
    await nothing_written(client)


async def test_a_backslash_that_only_looks_like_nul_is_taken(client: Client) -> None:
    sent = await send(client, "room", r"\u0000", metadata={"k": r"\u0000"})
    assert sent["entry"]["content"] == r"\u0000"
    assert (await entries(client, "room"))[0]["metadata"] == {"k": r"\u0000"}


@pytest.mark.parametrize("number", ["9" * 4000, "9" * 5000, str(2**53 + 1), str(-(2**53) - 1), "1e400", "-1e400"])
async def test_a_number_that_no_store_keeps(client: Client, number: str) -> None:
    for metadata in (f'{{"k": [null, {number}]}}', f'{{"k": {{"deeper": {number}}}}}'):
        body = f'{{"content": "a", "metadata": {metadata}}}'.encode()
        problem(await client.post(SEND, content=body, headers=JSON), 400, "invalid_number", "metadata")
        body = f'{{"id": "room", "metadata": {metadata}}}'.encode()
        problem(await client.post("/v1/conversations", content=body, headers=JSON), 400, "invalid_number", "metadata")
    await nothing_written(client)


@pytest.mark.parametrize("number", ["9" * 4000, str(2**53 + 1), "1e400"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", '{{"metadata": {{"k": {}}}}}'),
        ("PATCH", "/messages/m", '{{"content": "b", "metadata": {{"k": {}}}}}'),
        (
            "POST",
            "/entries",
            (
                '{{"kind": "message", "content": "a", "message_id": "n", "sender": {{"role": "user"}}, '
                '"at": "2026-01-01T00:00:00Z", "metadata": {{"k": {}}}}}'
            ),
        ),
        ("POST", "/read", '{{"seq": {}}}'),
        ("POST", "/drafts", '{{"message_id": "n", "offset": {}, "text": "x"}}'),
    ],
)
async def test_nor_in_what_is_changed_imported_marked_and_drafted(
    client: Client, method: str, path: str, body: str, number: str
) -> None:
    await client.post(SEND, json={"content": "a", "message_id": "m"})
    before = (await client.get("/v1/conversations/room/messages")).text
    answer = await client.request(method, f"/v1/conversations/room{path}", content=body.format(number), headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] in {"invalid_number", "invalid_field"}
    assert (await client.get("/v1/conversations/room/messages")).text == before


@pytest.mark.parametrize("number", [str(2**53), str(-(2**53)), "1.0", "-0.0", "1e300", "0.1"])
async def test_a_number_that_is_kept_exactly(client: Client, number: str) -> None:
    body = f'{{"content": "a", "metadata": {{"k": {number}, "digits": "{"9" * 40}", "n": null}}}}'.encode()
    answer = await client.post(SEND, content=body, headers=JSON)
    assert answer.status_code == 201
    [message] = (await client.get("/v1/conversations/room/messages")).json()["messages"]
    assert message["metadata"] == {"k": json.loads(number), "digits": "9" * 40, "n": None}


async def test_unknown_field(client: Client) -> None:
    problem(await client.post(SEND, json={"content": "a", "contents": 1}), 400, "unknown_field", "contents")
    nested = {"content": "a", "sender": {"role": "user", "rolle": 1}}
    problem(await client.post(SEND, json=nested), 400, "unknown_field", "sender.rolle")
    problem(await client.post("/v1/conversations", json={"idd": "room"}), 400, "unknown_field", "idd")
    members = {"members": [{"subject": "a", "roll": 1}]}
    problem(await client.post("/v1/conversations", json=members), 400, "unknown_field", "members[0].roll")
    await nothing_written(client)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "missing_field", "content"),
        ({"content": 5}, "invalid_field", "content"),
        ({"content": ""}, "invalid_field", "content"),
        ({"content": "x" * 32_001}, "invalid_field", "content"),
        ({"content": "a", "message_id": "a/b"}, "invalid_field", "message_id"),
        ({"content": "a", "reply_to": ".."}, "invalid_field", "reply_to"),
        ({"content": "a", "client_id": ""}, "invalid_field", "client_id"),
        ({"content": "a", "client_id": "k" * 129}, "invalid_field", "client_id"),
        ({"content": "a", "metadata": {"k": "x" * 20_000}}, "metadata_too_large", "metadata"),
        ({"content": "a", "sender": {"role": "king"}}, "invalid_field", "sender.role"),
        ({"content": "a", "sender": {"role": "user", "name": "n" * 201}}, "invalid_field", "sender.name"),
        ([], "invalid_field", "body"),
    ],
)
async def test_bodies_that_break_a_rule(client: Client, body: Any, code: str, field: str) -> None:
    problem(await client.post(SEND, json=body), 400, code, field)
    await nothing_written(client)


@pytest.mark.parametrize("raw", [b"", b"{", b"nonsense", b'{"content": NaN}'])
async def test_bodies_that_are_no_json(client: Client, raw: bytes) -> None:
    found = (await client.post(SEND, content=raw, headers=JSON)).json()
    assert found["code"] in {"invalid_json", "missing_body"}
    await nothing_written(client)


@pytest.mark.parametrize("conversation", ["a" * 129, "a" * 200, "a b", "ä", "a%00b", "a%2Fb"])
async def test_conversation_ids_that_none_may_have(client: Client, conversation: str) -> None:
    path = f"/v1/conversations/{conversation}/messages"
    for answer in (await client.post(path, json={"content": "x"}), await client.get(path)):
        found = answer.json()
        assert answer.status_code in {400, 404}
        assert found["code"] in {"invalid_conversation_id", "invalid_path_segment", "route_not_found"}
    body = {"id": "a" * 200}
    problem(await client.post("/v1/conversations", json=body), 400, "invalid_conversation_id", "conversation")
    await nothing_written(client)


async def test_200_character_id_names_the_limit(client: Client) -> None:
    found = problem(
        await client.post(f"/v1/conversations/{'a' * 200}/messages", json={"content": "x"}),
        400,
        "invalid_conversation_id",
        "conversation",
    )
    assert found["limit"] == 128


@pytest.mark.parametrize("cursor", ["5", "-1", "abc", "aaaaaaaaaa", "aaaaaaaaaa.-1", "aaaaaaaaaa.x", "AAAAAAAAAA.1"])
async def test_bare_number_as_cursor_and_other_garbage(client: Client, cursor: str) -> None:
    await send(client, "room", "x")
    problem(await client.get("/v1/conversations/room/events", params={"after": cursor}), 400, "invalid_cursor", "after")


async def test_cursor_of_another_epoch(client: Client) -> None:
    old = (await send(client, "room", "x"))["cursor"]
    assert (await client.delete("/v1/conversations/room")).status_code == 204
    assert (await client.post("/v1/conversations", json={"id": "room"})).status_code == 201
    await send(client, "room", "y")
    found = problem(await client.get("/v1/conversations/room/events", params={"after": old}), 410, "cursor_expired")
    assert found["start"] == "0"


async def test_cursor_past_the_head(client: Client) -> None:
    epoch = (await send(client, "room", "x"))["cursor"].split(".")[0]
    params = {"after": f"{epoch}.2"}
    problem(await client.get("/v1/conversations/room/events", params=params), 410, "cursor_expired")


@pytest.mark.parametrize("path", ["/v1/conversations/room/events", SEND, "/v1/conversations"])
@pytest.mark.parametrize("limit", ["-1", "0", "100000", "x", "1.5", ""])
async def test_negative_limit_and_other_bounds(client: Client, path: str, limit: str) -> None:
    problem(await client.get(path, params={"limit": limit}), 400, "invalid_field", "limit")


async def test_unknown_parameter(client: Client) -> None:
    problem(await client.get("/v1/conversations/room/events", params={"aftr": "0"}), 400, "unknown_parameter", "aftr")
    problem(await client.get(SEND, params={"page": "2"}), 400, "unknown_parameter", "page")


async def test_after_and_before_together(client: Client) -> None:
    problem(await client.get(SEND, params={"after": "1", "before": "3"}), 400, "invalid_field", "before")


async def test_same_key_with_another_body(client: Client) -> None:
    await send(client, "room", "first", client_id="k")
    problem(await client.post(SEND, json={"content": "second", "client_id": "k"}), 409, "idempotency_conflict")
    assert [entry["content"] for entry in await entries(client, "room")] == ["first"]


async def test_two_different_idempotency_keys(client: Client) -> None:
    answer = await client.post(SEND, json={"content": "a", "client_id": "one"}, headers={"Idempotency-Key": "two"})
    problem(answer, 400, "idempotency_key_mismatch", "client_id")
    await nothing_written(client)


async def test_message_id_taken(client: Client) -> None:
    await send(client, "room", "first", message_id="m")
    problem(
        await client.post(SEND, json={"content": "second", "message_id": "m"}), 409, "message_id_taken", "message_id"
    )


async def test_unknown_routes_and_methods(client: Client) -> None:
    problem(await client.get("/v2/nothing"), 404, "route_not_found")
    answer = await client.put(SEND, json={})
    problem(answer, 405, "method_not_allowed")


async def test_what_is_not_there(client: Client) -> None:
    problem(await client.get("/v1/conversations/room"), 404, "conversation_not_found")
    problem(await client.delete("/v1/conversations/room"), 404, "conversation_not_found")
    problem(await client.patch("/v1/conversations/room", json={"title": "x"}), 404, "conversation_not_found")
    problem(await client.patch(f"{SEND}/nope", json={"content": "x"}), 404, "message_not_found")
    problem(await client.delete(f"{SEND}/nope"), 404, "message_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ttl": 1}, "ttl"),
        ({"ttl": 10**9}, "ttl"),
        ({"rights": ["admin"]}, "rights"),
        ({"subject": ""}, "subject"),
        ({"subject": "key:n8n"}, "subject"),
        ({"name": "n" * 201}, "name"),
    ],
)
async def test_tokens_that_are_not_given(keyed: Client, body: dict[str, Any], field: str) -> None:
    whole = {"conversation": "room", "subject": "visitor-1", **body}
    found = (await keyed.post("/v1/tokens", json=whole)).json()
    assert (found["status"], found["field"]) == (400, field)
    await nothing_written(keyed)


async def test_problems_do_not_show_the_credential(keyed: Client) -> None:
    secret = "sk-very-secret-credential"
    answer = await keyed.get("/v1/status", headers={"authorization": f"Bearer {secret}"})
    assert secret not in json.dumps(dict(answer.headers)) + answer.text
