"""`import`: JSON Lines into conversations, several at a time, in order within each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO
from zlib import crc32

import rich_click as click

from umbral_chat._core.cli.command import command, json_option, run_async
from umbral_chat._core.cli.failures import AnotherService, ExitCode, Problem, Unreachable
from umbral_chat._core.cli.service import current_service, service_options

if TYPE_CHECKING:
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.import_format import Step

RETRY_SECONDS = 60.0
"""Seconds for which a request is retried: long enough for a restart of the service."""

QUEUE_SIZE = 64
"""Lines read ahead for each worker; bounds the memory for a file of any size."""


@command("import", "umbral-chat import history.jsonl", "umbral-chat export --all | umbral-chat --url URL import -")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--keep-times",
    is_flag=True,
    help="Keep the times, senders, edits and redactions of an export; needs a key with the right `import`.",
)
@click.option("--stop-on-error", is_flag=True, help="Stop at the first line that fails. Default: import the others.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=8,
    metavar="N",
    help="How many conversations are written at a time; within one, the order of the file is kept.",
)
@json_option
@service_options
@click.pass_context
@run_async
async def import_command(
    ctx: click.Context, file: BinaryIO, keep_times: bool, stop_on_error: bool, concurrency: int, as_json: bool
) -> None:
    """Import messages from FILE (JSON Lines; `-` is standard input).

    A line is `{"conversation", "content", "role" or "sender"}`, optionally with `client_id`, `message_id`, `reply_to`,
    `metadata` and `at`, or an entry as `export` writes it. Importing a file again stores nothing twice.

    With --keep-times a log that is imported into an empty conversation equals the exported one: its numbers, its times,
    who wrote, edited or redacted what. Each entry is marked as imported, so that nothing answers it. Without it, times
    and numbers are the service's own, and redacted messages are left out.
    """
    from umbral_chat._core.cli.client import Client
    from umbral_chat._core.cli.output import print_json, say, stderr, stdout

    started = time.monotonic()
    async with Client(current_service(ctx)) as client:
        run = Import(
            client,
            keep_times=keep_times,
            stop_on_error=stop_on_error,
            report=lambda text: say(text, console=stderr()),
        )
        try:
            with closing(_with_progress(file)) as lines:
                await run.import_lines(lines, concurrency)
        finally:
            if as_json:
                print_json(run.summary())
            else:
                counts = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in run.summary().items())
                stdout().print(f"{counts} in {time.monotonic() - started:.1f} s", soft_wrap=True)
    if run.counts["failed"]:
        ctx.exit(ExitCode.FAILED)


class Import:
    """One import. Each conversation is assigned to one worker by its hash, which keeps the order within it."""

    def __init__(
        self, client: Client, *, keep_times: bool = False, stop_on_error: bool, report: Callable[[str], None]
    ) -> None:
        self._keep_times = keep_times
        self.counts: Counter[str] = Counter()
        self._client = client
        self._stop_on_error = stop_on_error
        self._report = report
        self._stop: Exception | None = None
        self._stopping = asyncio.Event()

    def summary(self) -> dict[str, int]:
        """The number of lines by outcome."""
        return {what: self.counts[what] for what in ("stored", "updated", "already_there", "skipped", "failed")}

    async def import_lines(self, lines: Iterable[tuple[int, bytes]], workers: int) -> None:
        """Import every line. Raises what ends the whole import: Unreachable, AnotherService, or Problem for a 401 (the
        key is refused)."""
        queues: list[asyncio.Queue[Step | None]] = [asyncio.Queue(QUEUE_SIZE) for _ in range(workers)]
        async with asyncio.TaskGroup() as group:
            for queue in queues:
                group.create_task(self._work(queue))
            await self._enqueue(lines, queues)
            for queue in queues:
                await queue.put(None)
        if self._stop is not None:
            raise self._stop

    async def _enqueue(self, lines: Iterable[tuple[int, bytes]], queues: list[asyncio.Queue[Step | None]]) -> None:
        from umbral_chat._core.cli.import_format import InvalidLine, Planner

        planner = Planner(keep_times=self._keep_times)
        for number, raw in lines:
            try:
                step = planner.step(number, raw)
            except InvalidLine as error:
                self._failed(number, str(error))
                step = None
            if self._stopping.is_set():
                return
            if step is None:
                continue
            if step.skipped:
                self.counts["skipped"] += 1
                continue
            await queues[crc32(step.conversation.encode()) % len(queues)].put(step)

    async def _work(self, queue: asyncio.Queue[Step | None]) -> None:
        while (step := await queue.get()) is not None:
            if self._stopping.is_set():
                continue  # drain the queue, so that _enqueue is not blocked
            try:
                self.counts[step.outcome if await self._store(step) else "already_there"] += 1
            except (Unreachable, AnotherService) as error:
                self._abort(error)
            except Problem as error:
                if error.status == 401:
                    self._abort(error)
                elif step.restored and error.code == "message_id_taken":
                    self.counts["already_there"] += 1
                else:
                    self._failed(step.line, f"{error.title} ({error.status} {error.code}) {error.detail}")

    async def _store(self, step: Step) -> bool:
        """Whether any request of the step stored something new."""
        from umbral_chat._core.cli.output import clean
        from umbral_chat._core.cli.retry import with_retries

        new = False
        for request in step.requests:
            answer = await with_retries(
                lambda request=request: self._client.call(  # type: ignore[misc]
                    request.method,
                    request.path,
                    body=request.body,
                    key=request.key,
                    shape=request.shape,
                ),
                patience=RETRY_SECONDS,
                notice=lambda error: self._report(clean(f"{error} Trying again for {RETRY_SECONDS:g} s.")),
            )
            new = new or answer.get("created", True)
        return new

    def _failed(self, line: int, reason: str) -> None:
        from umbral_chat._core.cli.output import clean

        self.counts["failed"] += 1
        self._report(clean(f"line {line}: {reason}"))
        if self._stop_on_error:
            self._stopping.set()

    def _abort(self, error: Exception) -> None:
        self._stop = self._stop or error
        self._stopping.set()


def _with_progress(file: BinaryIO) -> Generator[tuple[int, bytes]]:
    """The numbered lines of `file`, with a progress bar on a terminal."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from umbral_chat._core.cli.output import stderr

    console = stderr()
    total = _size(file)
    columns = (
        TextColumn("importing"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]} lines"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=total, lines=0)
        for number, raw in enumerate(file, 1):
            yield number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            progress.update(task, advance=len(raw), lines=number)


def _size(file: BinaryIO) -> int | None:
    import os
    import stat

    try:
        found = os.fstat(file.fileno())
    except OSError:  # standard input in a test
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


__all__ = ["Import", "import_command"]
