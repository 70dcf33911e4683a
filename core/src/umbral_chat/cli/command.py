"""What the commands share: their class with examples, common options and types, and running their coroutines."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ParamSpec

import rich_click as click

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.ids import check_conversation_id

P = ParamSpec("P")


class Command(click.RichCommand):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self.examples = tuple(examples)

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
    """Run a command's coroutine to its end; Ctrl-C cancels it and arrives as KeyboardInterrupt."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        import asyncio

        asyncio.run(function(*args, **kwargs))

    return run


class ConversationId(click.ParamType):  # type: ignore[type-arg]  # no generic before click 8.5
    """An id that may name a conversation; a wrong one is told before anything is sent."""

    name = "conversation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return check_conversation_id(str(value))
        except InvalidRequest as error:
            self.fail(f"{value!r}: {error.detail}", param, ctx)


conversation_argument = click.argument("conversation", type=ConversationId())
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text for people.")

__all__ = ["Command", "ConversationId", "command", "conversation_argument", "json_option", "run_async"]
