"""Another instance, in a process of its own: `python -m tests.ways.sender STACK`, the file of a stack.

It sends a message for each line that it reads; it prints `ready`, and the status of each answer.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.local_supabase.service import N8N, instances
from tests.local_supabase.stack.api import Stack

SEND = "/v1/conversations/room/messages"


async def main(stack: Stack) -> None:
    async with instances(stack) as start:
        service = await start(REALTIME__ENABLED="false")
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            answer = await service.post(SEND, headers=N8N, json={"content": line.strip()})
            print(answer.status_code, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Stack.read(Path(sys.argv[1]))))
