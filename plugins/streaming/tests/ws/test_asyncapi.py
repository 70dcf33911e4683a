"""The AsyncAPI document: npm's own parser reads it, and every frame is in it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from umbral_chat_streaming.ws import frames
from umbral_chat_streaming.ws.asyncapi import document

from tests.local_supabase.stack.npm import modules, node

from .rig import KEY, served

HERE = Path(__file__).parent / "asyncapi"


def tags(kinds: tuple[type[msgspec.Struct], ...]) -> list[str]:
    return [str(kind.__struct_config__.tag) for kind in kinds]


def parsed(text: str) -> dict[str, Any]:
    """What the parser says."""
    command = [str(node()), str(HERE / "check.mjs"), str(modules(HERE))]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_parser_of_npm_reads_it_and_finds_every_frame() -> None:
    found = parsed(json.dumps(document()))
    assert found["wrong"] == []
    expected = {"receive": tags(frames.CLIENT_FRAMES), "send": tags(frames.SERVER_FRAMES)}
    assert {action: sorted(names) for action, names in found["operations"].items()} == {
        action: sorted(names) for action, names in expected.items()
    }


@pytest.mark.slow
def test_the_parser_finds_what_is_wrong() -> None:
    broken = document()
    broken["channels"]["socket"]["messages"]["auth"] = {"$ref": "#/components/messages/nothing"}
    assert parsed(json.dumps(broken))["wrong"]


def test_every_struct_of_the_module_is_a_frame_or_a_part_of_one() -> None:
    kinds = {
        value
        for value in vars(frames).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == frames.__name__
    }
    named = {kind for kind in kinds if not kind.__name__.startswith("_")}
    assert named == {*frames.CLIENT_FRAMES, *frames.SERVER_FRAMES, frames.SocketLimits, frames.ProblemBody}
    assert "." not in "".join(document()["components"]["schemas"])  # no two schemas of one name


async def test_it_is_served_beside_the_openapi_document(tmp_path: Path) -> None:
    async with served(tmp_path, key=KEY) as service:
        answer = await service.http.get("/schema/asyncapi.json", headers={"authorization": ""})
        assert answer.status_code == 200
        assert answer.json() == document()
