"""Shared by the commands: their class with examples, common options and types, confirmation, running coroutines."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import rich_click as click

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.ids import check_conversation_id

if TYPE_CHECKING:
    from types import FrameType

P = ParamSpec("P")


class Command(click.RichCommand):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self.examples = tuple(examples)

    # The parameters are those that rich_click calls it with; click declares wider ones.
    def format_epilog(self, ctx: click.RichContext, formatter: click.RichHelpFormatter) -> None:  # type: ignore[override]
        from rich.padding import Padding
        from rich.text import Text

        super().format_epilog(ctx, formatter)
        if self.examples:
            lines = "".join(f"\n  {example}" for example in self.examples)
            text = Text.assemble((f"Example{'s' if len(self.examples) > 1 else ''}:", "bold"), lines)
            formatter.write(Padding(text, (0, 1, 1, 1)))


def command(name: str, *examples: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command named `name` whose help shows `examples`."""
    return click.command(
        name,
        cls=Command,
        examples=examples,
        context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    )


def run_async(function: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a command's coroutine to its end. A single Ctrl-C ends it in any state; raises KeyboardInterrupt then.

    While the coroutine waits for the network it is cancelled, and may still print. While it is in a blocking call (a
    question, standard input, a FIFO without a reader) the interrupt is raised there: asyncio's own handler would act
    only on a second one.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        import asyncio
        import signal
        import threading

        interrupted = False

        async def main() -> None:
            task, loop = asyncio.current_task(), asyncio.get_running_loop()

            def interrupt(number: int, frame: FrameType | None) -> None:
                nonlocal interrupted
                if interrupted or task is None or asyncio.current_task(loop) is not None:
                    signal.default_int_handler(number, frame)
                interrupted = True
                task.cancel()
                loop.call_soon_threadsafe(lambda: None)  # wakes the loop

            if threading.current_thread() is not threading.main_thread():
                return await function(*args, **kwargs)
            before = signal.signal(signal.SIGINT, interrupt)
            try:
                return await function(*args, **kwargs)
            finally:
                signal.signal(signal.SIGINT, before)

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            if interrupted:
                raise KeyboardInterrupt from None
            raise

    return run


class ConversationId(click.ParamType):  # type: ignore[type-arg]  # no generic before click 8.5
    """A conversation id, checked before anything is sent."""

    name = "conversation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return check_conversation_id(str(value))
        except InvalidRequest as error:
            self.fail(f"{value!r}: {error.detail}", param, ctx)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr unless `yes`. Raises Abort for a no, UsageError where standard input is no terminal."""
    if yes:
        return
    if not sys.stdin.isatty() and sys.stdin is sys.__stdin__:
        raise click.UsageError("There is no terminal to ask for confirmation: pass --yes.")
    click.confirm(question, abort=True, err=True)


conversation_argument = click.argument("conversation", type=ConversationId())
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text for people.")

__all__ = ["Command", "ConversationId", "command", "confirm", "conversation_argument", "json_option", "run_async"]
