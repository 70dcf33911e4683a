"""The page on WebSockets: its client, run by Node as it stands, and its table of codes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from umbral_chat_streaming.ws.codes import CLOSE_CODES, NOT_TEXT, TOO_LONG

from tests.docs.pages import ROOT, blocks
from tests.local_supabase.stack.npm import node

from .rig import KEY, TIMEOUT, served

PAGE = ROOT / "docs" / "how-to" / "websocket.md"

PROGRAM = """
const { module, ...options } = JSON.parse(process.argv[2]);
const { follow } = await import(module);
const show = (line) => process.stdout.write(JSON.stringify(line) + "\\n");
const leave = follow({
  ...options,
  getToken: async () => options.token,
  onEntry: (entry) => show({ entry }),
  onEnd: (status) => { show({ status }); },
});
process.stdin.on("data", () => leave());
"""


@pytest.mark.slow
async def test_the_client_of_the_page_goes_on_from_its_cursor_and_ends_when_told(tmp_path: Path) -> None:
    (block,) = [block for block in blocks(PAGE) if block.language == "js"]
    module, script = tmp_path / "follow.mjs", tmp_path / "program.mjs"
    module.write_text(block.text, encoding="utf-8")
    script.write_text(PROGRAM, encoding="utf-8")
    async with served(tmp_path, key=KEY, streaming__connection_lifetime="1") as service:
        options = {
            "module": str(module),
            "url": f"ws://127.0.0.1:{service.port}/v1/ws",
            "token": await service.token(),
            "conversation": "room",
        }
        program = await asyncio.create_subprocess_exec(
            str(node()), str(script), json.dumps(options), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert program.stdout is not None

        async def line() -> dict[str, Any]:
            assert program.stdout is not None
            found: dict[str, Any] = json.loads(await asyncio.wait_for(program.stdout.readline(), TIMEOUT))
            return found

        try:
            seqs = []
            for number in range(8):  # longer than a connection lives
                await service.say(str(number))
                seqs.append((await line())["entry"]["seq"])
                await asyncio.sleep(0.3)
            assert seqs == list(range(1, 9))
            await service.http.delete("/v1/conversations/room")
            assert (await line())["status"]["code"] == "conversation_deleted"
        finally:
            program.kill()
            await program.wait()


def test_every_code_is_in_the_table() -> None:
    rows = [line.split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    shown = {(cells[1].strip(), cells[2].strip().strip("`")) for cells in rows if len(cells) == 6}
    for code, number in CLOSE_CODES.items():
        assert (str(number), code) in shown
    numbers = {number for number, _ in shown}
    assert {str(NOT_TEXT), str(TOO_LONG), "1002", "1007", "1008", "1012", "4429"} <= numbers
