"""A draft that is written piece by piece while readers follow: `python -m bench.token_stream PORT READERS PIECES
SECONDS`, with PIECES a second. Prints one JSON object.

The next piece is sent on the last one's answer, as a producer has to, since each names the offset that it continues at.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

import httpx
import uvloop

from bench.cases import KEY
from bench.stream_driver import DRAIN, EDGES, OURS, Run, Subscriber, subscribed

PIECE = "word "
_DRAFT = re.compile(rb'"message_id":"answer","offset":(\d+),"text":"([^"]*)"')


class DraftReader(Subscriber):
    """Puts the pieces of the draft together."""

    frames = 0
    length = 0

    def _count(self, data: bytes) -> None:
        for offset, text in _DRAFT.findall(data):
            self.frames += 1
            if int(offset) != self.length:
                raise RuntimeError(f"a piece at {int(offset)}, expected at {self.length}")
            self.length += len(text)


async def drive(port: int, readers: int, pieces: float, seconds: float) -> dict[str, float]:
    """Write `pieces` a second for `seconds`, and compare what each reader has with what was written."""
    run, edge = Run(), EDGES["ours-sse"]
    headers = {"authorization": f"Bearer {KEY}"}
    late = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        (await client.post(f"{OURS}/messages", json={"content": "Tell me a story."})).raise_for_status()
        pairs = await subscribed(run, edge, port, readers, DraftReader)
        began, written = time.perf_counter(), 0
        for number in range(round(pieces * seconds)):
            wait = began + number / pieces - time.perf_counter()
            late += wait < -1 / pieces
            await asyncio.sleep(max(0.0, wait))
            body = {"message_id": "answer", "offset": written, "text": PIECE, "sender": {"role": "assistant"}}
            (await client.post(f"{OURS}/drafts", json=body)).raise_for_status()
            written += len(PIECE)
        elapsed = time.perf_counter() - began
        await asyncio.sleep(DRAIN)
    run.over = True
    found = [reader for _, reader in pairs]
    return {
        "pieces": written / len(PIECE),
        "frames_a_reader": sum(reader.frames for reader in found) / readers,
        "behind": float(sum(written - reader.length for reader in found)),
        "late": float(late),
        "lost": float(run.lost),
        "seconds": elapsed,
    }


if __name__ == "__main__":
    port, readers, pieces, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(drive(int(port), int(readers), float(pieces), float(seconds)))))
