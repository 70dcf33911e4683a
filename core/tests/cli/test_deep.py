"""Values nested deeper than a service accepts today: an export reads stored ones, an import and a send refuse them."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from umbral_chat._core.cli import cli
from umbral_chat._core.cli.client import Client
from umbral_chat._core.cli.exporting import _export
from umbral_chat._core.cli.import_format import LINE_DEPTH, InvalidLine, Planner
from umbral_chat._core.cli.output import to_json
from umbral_chat._core.cli.service import Service
from umbral_chat.model.depth import is_deeper


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("levels", [900, 965, 5_000])
async def test_an_export_is_what_the_service_answers(tmp_path: Path, levels: int) -> None:
    entry = f'{{"kind":"message","seq":1,"metadata":{{"a":{nested(levels)}}}}}'
    page = f'{{"entries":[{entry}],"cursor":"c.1","has_more":false}}'.encode()
    async with Client(Service("http://127.0.0.1")) as client:
        client._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=page)))
        with (tmp_path / "out.jsonl").open("wb") as file:
            assert await _export(client, "room", file) == 1
        assert is_deeper(to_json(await client.call("GET", "/x")).encode(), levels)
        problem = httpx.MockTransport(lambda _: httpx.Response(500, content=nested(levels).encode()))
        client._http = httpx.AsyncClient(transport=problem)
        with pytest.raises(Exception, match="Answered with"):
            await client.call("GET", "/x")
    written = (tmp_path / "out.jsonl").read_text()
    assert written == '{"conversation":"room",' + entry[1:] + "\n"


@pytest.mark.parametrize("levels", [LINE_DEPTH + 1, 970, 100_000])
def test_a_line_that_is_too_deep_is_reported(levels: int) -> None:
    line = f'{{"conversation":"room","content":"x","metadata":{{"a":{nested(levels - 2)}}}}}'
    with pytest.raises(InvalidLine, match="nested deeper than"):
        Planner().step(1, line.encode())


def test_a_line_within_the_depth_is_left_to_the_service() -> None:
    line = f'{{"conversation":"room","content":"x","metadata":{{"a":{nested(30)}}}}}'
    step = Planner().step(1, line.encode())
    assert step is not None
    assert step.requests[0].body["metadata"] == {"a": json.loads(nested(30))}


@pytest.mark.parametrize("levels", [70, 970, 5_000])
def test_metadata_that_is_too_deep_is_refused_before_it_is_sent(levels: int) -> None:
    answer = CliRunner().invoke(cli, ["send", "room", "x", "--metadata", f'{{"a":{nested(levels)}}}'])
    assert answer.exit_code == 2
    assert "nested deeper than" in " ".join(answer.output.split())
