"""A workflow without work: `python -m bench.chat_workflow PORT`. As an n8n with a Chat Trigger it answers a POST to
`/webhook/whole/chat` after `THINKING` seconds with JSON, and one to any other path with a stream of lines, the first
piece after as long."""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

THINKING = 0.05
PIECES, EVERY = 50, 0.1
"""Of a streamed answer, and the seconds between two of them."""

WHOLE = json.dumps({"output": "It is in the post."}).encode()


def _line(kind: str, content: str | None = None) -> bytes:
    metadata = {"nodeId": "Agent", "nodeName": "Agent", "itemIndex": 0, "runIndex": 0}
    value = {"type": kind} | ({} if content is None else {"content": content}) | {"metadata": metadata}
    data = json.dumps(value, separators=(",", ":")).encode() + b"\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
BEGIN, PIECE, END = _line("begin"), _line("item", "word "), _line("end") + b"0\r\n\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            size = head.partition("content-length:")[2].partition("\r\n")[0]
            await reader.readexactly(int(size or "0"))
            await asyncio.sleep(THINKING)
            if head.startswith("post /webhook/whole/"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE))
            else:
                await _stream(writer, 5 if head.startswith("post /webhook/brief/") else PIECES)
            await writer.drain()
            if "connection: close" in head:
                return
    except (OSError, EOFError):
        return
    finally:
        writer.close()


async def _stream(writer: asyncio.StreamWriter, pieces: int) -> None:
    writer.write(HEAD + BEGIN + PIECE)
    began = asyncio.get_running_loop().time()
    for number in range(1, pieces):
        await asyncio.sleep(max(0.0, began + number * EVERY - asyncio.get_running_loop().time()))
        writer.write(PIECE)
    writer.write(END)


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.start_server(_serve, "127.0.0.1", port, backlog=1_000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
