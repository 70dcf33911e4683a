"""`python -m tests.labs.replay`: exit code 0 when all was read back as it was sent, 1 at the first difference."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.labs.kit.driver import run_driver
from tests.labs.kit.service import NotReady, Service

from .client import Client, Refused, Target
from .compare import Difference
from .corpus import Corpus, Dialogue, load
from .readback import read_back
from .replay import replay
from .report import table

WORKERS = 8
Step = Callable[[Dialogue, Client, Client], Awaitable[None]]


def main(arguments: list[str]) -> int:
    """Replay, read back, print the figures, and return the exit code."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    corpus = _chosen(load(options.prefix), options.language, options.limit)
    began = time.monotonic()
    try:
        run_driver(_run(corpus, options, console))
    except* (Difference, Refused, NotReady) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        failed = True
    else:
        failed = False
    if failed:
        return 1
    console.print(table(corpus))
    for reason, times in corpus.left_out.items():
        console.print(f"left out: {times} {reason}")
    console.print(
        f"All as it was sent, by long poll, poll, history and transcript, in {time.monotonic() - began:.0f} s."
    )
    return 0


async def _run(corpus: Corpus, options: argparse.Namespace, console: Console) -> None:
    if options.url:
        await _through(corpus, Target(options.url, options.key), console)
        return
    with tempfile.TemporaryDirectory(prefix="replay-lab-") as folder:
        service = Service(options.server, Path(folder))
        try:
            await service.start()
            await _through(corpus, Target(f"http://{service.host}:{service.port}"), console)
        finally:
            await service.stop()


async def _through(corpus: Corpus, target: Target, console: Console) -> None:
    with Progress(console=console) as progress:
        for name, step in (("send and follow", replay), ("read back", _read_back)):
            bar = progress.add_task(name, total=sum(len(dialogue.lines) for dialogue in corpus.dialogues))
            queue = iter(corpus.dialogues)  # shared: each worker takes the next one
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(_work(queue, step, target, partial(progress.advance, bar)))


async def _read_back(dialogue: Dialogue, client: Client, _: Client) -> None:
    await read_back(dialogue, client)


async def _work(queue: Iterator[Dialogue], step: Step, target: Target, done: Callable[[float], None]) -> None:
    one, other = target.client(), target.client()
    try:
        for dialogue in queue:
            await step(dialogue, one, other)
            done(len(dialogue.lines))
    finally:
        one.close()
        other.close()


def _chosen(corpus: Corpus, languages: list[str] | None, limit: int | None) -> Corpus:
    taken: Counter[str] = Counter()
    dialogues = []
    for dialogue in corpus.dialogues:
        wanted = not languages or dialogue.language in languages
        if wanted and (limit is None or taken[dialogue.language] < limit):
            taken[dialogue.language] += 1
            dialogues.append(dialogue)
    return Corpus(dialogues, corpus.left_out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.replay", description=__doc__)
    parser.add_argument("--url", help="a running service; without it one is started on a temp database")
    parser.add_argument("--key", default=os.environ.get("UMBRAL_CHAT_KEY"), help="default: UMBRAL_CHAT_KEY")
    parser.add_argument("--prefix", default="demo", help="of the conversations' ids; the same again repeats nothing")
    parser.add_argument("--language", action="append", help="only this one; can be given more than once")
    parser.add_argument("--limit", type=int, help="dialogues of each language")
    parser.add_argument("--server", default="umbral-chat serve", help="command, set up by its environment only")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
