"""What is done, each on every edge: pages open, something happens to page, network or service, and all goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.local_supabase.people import command

from .run import NotSeen, Stage

Scenario = Callable[[Stage], Awaitable[None]]

TEN_MINUTES = 600_000
"""Milliseconds, of the page's clock."""


async def two_clients(stage: Stage) -> None:
    """Two people and n8n write at the same time."""
    await stage.open("ada", await stage.context())
    await stage.open("ben", await stage.context())
    for _ in range(8):
        await asyncio.gather(stage.send("ada"), stage.send("ben"), stage.say())


async def reload_within_a_draft(stage: Stage) -> None:
    """The page is loaded again while an answer is being written, and before its own message is stored."""
    await stage.open("ada", await stage.context())
    text = "".join(f"piece {number} 🔎 " for number in range(12))
    pieces = [text[at : at + 15] for at in range(0, len(text), 15)]
    offset = 0
    for number, piece in enumerate(pieces):
        await stage.draft("answer", offset, piece)
        offset += len(piece)
        if number == len(pieces) // 2:
            await stage.send("ada")
            await stage.pages["ada"].reload()
            await stage.until("ada", "chat.state.connection.state === 'open'")
    await stage.until("ada", f"chat.state.drafts.some((one) => one.text === {text!r})")
    stage.sent.append(text)
    body = {"content": text, "message_id": "answer", "sender": {"role": "assistant"}}
    await stage.ask("POST", "messages", body)
    await stage.until("ada", "chat.state.drafts.length === 0 && chat.state.messages.length === 2")


async def network_off_and_on(stage: Stage) -> None:
    """One of two people loses the network, and both go on writing."""
    off = await stage.context()
    await stage.open("ada", off)
    await stage.open("ben", await stage.context())
    await off.set_offline(True)
    await stage.until("ada", "chat.state.connection.state === 'offline'")
    for _ in range(3):
        await stage.send("ada")
        await stage.send("ben")
        await stage.say()
    await stage.until("ben", "chat.state.messages.length === 6")
    await off.set_offline(False)


async def service_killed(stage: Stage) -> None:
    """The service is killed and started again; what people write meanwhile is sent then."""
    await stage.open("ada", await stage.context())
    await stage.open("ben", await stage.context())
    await stage.send("ada")
    await stage.say()
    await stage.service.kill()
    await stage.send("ada")
    await stage.send("ben")
    await stage.until("ben", "chat.state.connection.state !== 'open'")
    await asyncio.sleep(3.0)
    await stage.service.start()
    await stage.say()


async def realtime_off_and_on(stage: Stage) -> None:
    """The operator switches realtime off: pages poll, and stream again when it is on."""
    # Of the edges that the page may use, polls must be, or it has none while realtime is off.
    await stage.open("ada", await stage.context())
    await stage.open("ben", await stage.context())
    await stage.toggle(False)
    try:
        for name in ("ada", "ben"):
            await stage.until(name, "chat.state.connection.state === 'open' && /poll/.test(chat.state.connection.edge)")
        await stage.send("ada")
        await stage.say()
        await stage.agree()
    finally:
        await stage.toggle(True)
    for name in ("ada", "ben"):
        await stage.until(name, f"chat.state.connection.edge === '{stage.edges[0]}'", within=60)
    await stage.send("ben")


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


async def asleep(stage: Stage) -> None:
    """A tab sleeps for ten minutes: no timer of it runs, and its connections are cut."""
    sleeper = await stage.context()
    page = await stage.open("ada", sleeper, clock=True)
    await stage.open("ben", await stage.context())
    await stage.send("ada")
    await page.clock.pause_at(await page.evaluate("new Date(Date.now() + 1000).toISOString()"))
    await sleeper.set_offline(True)
    for _ in range(3):
        await stage.send("ben")
        await stage.say()
    await sleeper.set_offline(False)
    await page.clock.fast_forward(TEN_MINUTES)
    await page.clock.resume()
    await stage.send("ada")


async def leader_closed(stage: Stage) -> None:
    """Three tabs of one person share a connection; the one that holds it is closed."""
    browser = await stage.context()
    for number in range(3):
        await stage.open(f"ada/{number}", browser)
    await stage.open("ben", await stage.context())
    leaders = [name for name in stage.pages if name != "ben" and await _leads(stage, name)]
    if len(leaders) != 1:
        raise NotSeen(f"the leaders of three tabs are {leaders}")
    others = [name for name in stage.pages if name not in {*leaders, "ben"}]
    await stage.send(others[0])
    await stage.send("ben")
    await stage.agree()
    (leader,) = leaders
    await stage.send(leader)
    await stage.pages.pop(leader).close()
    await stage.say()
    await stage.send(others[1])
    await stage.agree()
    leaders = [name for name in others if await _leads(stage, name)]
    if len(leaders) != 1:
        raise NotSeen(f"after the leader was closed the leaders are {leaders}")


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


async def _leads(stage: Stage, name: str) -> bool:
    found: bool = await stage.pages[name].evaluate("chat.state.connection.leader")
    return found


SCENARIOS: dict[str, Scenario] = {
    "two-clients": two_clients,
    "reload": reload_within_a_draft,
    "network": network_off_and_on,
    "killed": service_killed,
    "toggle": realtime_off_and_on,
    "asleep": asleep,
    "leader": leader_closed,
    "documented": documented,
    "channel": channel_cut,
}
"""By name, in the order in which they run."""

__all__ = ["SCENARIOS", "Scenario"]
