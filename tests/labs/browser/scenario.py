"""What is done, each on every edge: what every page goes through, and what this bare one alone does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.labs.kit.chat_pages import TRANSITIONS, NotSeen
from tests.local_supabase.people import command

from .run import Stage

Scenario = Callable[[Stage], Awaitable[None]]


async def channel_cut(stage: Stage) -> None:
    """Supabase's channel is cut and refused: the state says so, messages go on, and the channel is used again after."""
    if stage.stack is None:
        raise NotSeen("there is no Supabase")
    await stage.open("ada", await stage.context())
    await stage.open("ben", await stage.context())
    await stage.send("ada")
    await stage.say()
    await stage.agree()
    await command(stage.stack, "realtime/faults", refuse_join="refused")
    await command(stage.stack, "realtime/drop")
    for name in ("ada", "ben"):
        await stage.until(name, "chat.state.connection.state === 'open' && chat.state.connection.edge !== 'direct'")
        await stage.until(name, "seen.reasons.some((reason) => reason === 'unreachable')")
    await stage.send("ben")
    await stage.say()
    await stage.agree()
    await command(stage.stack, "realtime/reset")
    for name in ("ada", "ben"):
        await stage.until(name, "chat.state.connection.edge === 'direct'", within=90)
    await stage.send("ada")


async def documented(stage: Stage) -> None:
    """The page of the documentation, copied: a person writes, n8n answers, the page is loaded again."""
    context = await stage.context()
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.add_init_script(f"localStorage.chatSession = {stage.conversation!r}")
    await page.goto(f"{stage.site}/chat.html")
    await page.fill("#text", "Where is my order?")
    await page.click("text=Send")
    await page.wait_for_selector("li[data-delivery=sent] >> text=Where is my order?")
    answer = await stage.say()
    await page.wait_for_selector(f"li >> text={answer}")
    await page.reload()
    await page.wait_for_function("document.querySelectorAll('li[data-delivery=sent]').length === 2")
    if errors:
        raise NotSeen(f"the page's errors: {errors}")


SCENARIOS: dict[str, Scenario] = {**TRANSITIONS, "documented": documented, "channel": channel_cut}
"""By name, in the order in which they run."""

__all__ = ["SCENARIOS", "Scenario"]
