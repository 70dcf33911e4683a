"""One depth for all that is nested: what is deeper is refused before anything is stored, and what an earlier version
stored deeper is read, exported and changed like everything else."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from umbral_chat.model.depth import is_deeper

from .conftest import KEYS, Client, send, service
from .test_bad_input import JSON, SEND, nothing_written, problem

OLD = Path(__file__).parents[1] / "sqlite" / "data" / "deep-metadata.sqlite3.gz"
"""Written by the version before there was a depth: metadata of up to 963 levels in messages, an edit and an update."""

DEPTHS = [33, 900, *range(955, 980), 5_000]


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def with_metadata(levels: int, **more: Any) -> bytes:
    """A body whose metadata makes it `levels` deep."""
    return (json.dumps(more)[:-1] + (", " if more else "") + f'"metadata": {{"a": {nested(levels - 2)}}}}}').encode()


ROUTES = [
    ("POST", SEND, {"content": "x"}),
    ("POST", "/v1/conversations", {"id": "room"}),
    ("PATCH", "/v1/conversations/room", {}),
    ("PATCH", f"{SEND}/m", {"content": "x"}),
    ("PUT", "/v1/conversations/room/presence", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_what_is_too_deep_is_refused_and_nothing_is_stored(
    client: Client, method: str, path: str, body: dict[str, Any]
) -> None:
    for levels in DEPTHS:
        answer = await client.request(method, path, content=with_metadata(levels, **body), headers=JSON)
        assert problem(answer, 400, "too_deep", "metadata")["limit"] == 32
    await nothing_written(client)


async def test_what_is_just_deep_enough_is_taken_and_read_back(client: Client) -> None:
    said = await client.post(SEND, content=with_metadata(32, content="x"), headers=JSON)
    assert said.status_code == 201
    assert (await client.patch("/v1/conversations/room", content=with_metadata(32), headers=JSON)).status_code == 200
    found = (await client.get("/v1/conversations")).json()["conversations"][0]
    assert found["metadata"] == found["last_message"]["metadata"] == {"a": json.loads(nested(30))}


async def test_every_route_with_a_body_refuses_before_it_decodes(client: Client) -> None:
    schema = (await client.get("/schema/openapi.json")).json()
    asked = 0
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            # n8n's widget is answered in a form of its own, without codes: see the bridge's tests.
            if "requestBody" in operation and not path.startswith("/n8n/"):
                url = path.replace("{conversation}", "room").replace("{message_id}", "m")
                for body in (nested(100_000).encode(), b'{"x":' * 5_000, b"[" * 20_000):
                    answer = await client.request(method, url, content=body, headers=JSON)
                    assert (answer.status_code, answer.json()["code"]) == (400, "too_deep"), (method, url)
                asked += 1
    assert asked >= 9


async def test_the_depth_is_a_setting(start: Any) -> None:
    client = await start(core__limits__depth="5")
    assert (await client.post(SEND, content=with_metadata(5, content="x"), headers=JSON)).status_code == 201
    for method, path, body in ROUTES:
        answer = await client.request(method, path, content=with_metadata(6, **body), headers=JSON)
        assert problem(answer, 400, "too_deep", "metadata")["limit"] == 5


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("levels", [33, 970, 1_500])
async def test_tokens_are_held_to_it(keyed: Client, part: int, levels: int) -> None:
    parts = [{"alg": "HS256", "typ": "umbral-chat+jwt"}, {"iss": "umbral-chat"}]
    texts = [json.dumps(one).encode() for one in parts]
    texts[part] = texts[part][:-1] + f', "x": {nested(levels - 1)}}}'.encode()
    token = ".".join(base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in [*texts, b"signature"])
    answer = await keyed.get("/v1/conversations/room/events", headers={"authorization": f"Bearer {token}"})
    assert problem(answer, 400, "too_deep", "authorization")["limit"] == 32


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Client]:
    """A service on the file of the version before."""
    (tmp_path / "chat.sqlite3").write_bytes(gzip.decompress(OLD.read_bytes()))
    (tmp_path / "chat.sqlite3").chmod(0o600)
    async with service(tmp_path, core__keys=json.dumps(KEYS)) as found:
        found.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
        yield found


OF_THE_FILE = pytest.mark.sqlite_only("the file is SQLite's; test_deep.py of the Supabase plugin is the same there")

READS = [
    "/v1/conversations",
    "/v1/conversations/deep",
    "/v1/conversations/deep/messages",
    "/v1/conversations/deep/messages?before=7",
    "/v1/conversations/deep/events",
    "/v1/conversations/deep/transcript",
    "/v1/conversations/deep/transcript?format=markdown",
]


@OF_THE_FILE
@pytest.mark.parametrize("path", READS)
async def test_what_was_stored_deeper_is_read(old: Client, path: str) -> None:
    answer = await old.get(path)
    assert answer.status_code == 200, answer.text
    if "markdown" not in path:
        assert is_deeper(answer.content, 900)


@OF_THE_FILE
async def test_what_was_stored_deeper_can_be_changed_like_everything_else(old: Client) -> None:
    path = "/v1/conversations/deep"
    assert (await old.patch(path, json={"title": "New"})).status_code == 200
    # A message whose edit says nothing of metadata keeps the deep one.
    assert (await old.patch(f"{path}/messages/deep-950", json={"content": "edited"})).status_code == 200
    repeated = await old.post(f"{path}/read", json={"seq": 5})
    assert repeated.status_code == 200
    assert (await old.delete(f"{path}/messages/deep-962")).status_code == 200
    assert (await old.delete(f"{path}/messages/edited")).status_code == 200
    await send(old, "deep", "goes on")
    page = await old.get(f"{path}/messages")
    by_id = {one["message_id"]: one for one in _decoded(page.content)["messages"]}
    assert by_id["deep-950"]["content"] == "edited"
    assert by_id["deep-962"]["redacted"] is True
    for each in READS:
        assert (await old.get(each)).status_code == 200
    assert (await old.delete(path)).status_code == 204


@OF_THE_FILE
async def test_a_long_poll_and_a_repeat_meet_what_was_stored_deeper(old: Client) -> None:
    path = "/v1/conversations/deep"
    cursor = _decoded((await old.get(path)).content)["cursor"]
    waiting = asyncio.create_task(old.get(f"{path}/events", params={"after": cursor, "wait": "30"}))
    await asyncio.sleep(0)
    # The edit keeps the deep metadata, and is told to who waits.
    edited = await old.patch(f"{path}/messages/deep-900", json={"content": "edited"}, headers={"Idempotency-Key": "k"})
    again = await old.patch(f"{path}/messages/deep-900", json={"content": "edited"}, headers={"Idempotency-Key": "k"})
    assert (edited.status_code, again.status_code) == (200, 200)
    told = await waiting
    assert told.status_code == 200
    assert is_deeper(told.content, 890)
    assert is_deeper(edited.content, 890)


def _decoded(content: bytes) -> Any:
    from umbral_chat.model.depth import decode_stored

    return decode_stored(msgspec.json.Decoder(), content)
