"""Two visitors and an operator in one conversation: how soon each sees the others, and all that can be done in it."""

from __future__ import annotations

import json
from functools import partial

from playwright.async_api import Page

from .lab import Found, Lab
from .run import OPERATOR, ROW, Stage, exactly
from .states import refuse
from .verdict import ON_A_FREE_MACHINE, shifted

MESSAGES = 20
"""Of each person, of which the time to the others' screens is taken."""


async def together(lab: Lab) -> Found:
    """All of it, one after the other, in one conversation."""
    found = Found()
    async with lab.stage("together", operator=True) as stage:
        await stage.open("ada", await stage.context())
        await stage.open("ben", await stage.context())
        await _latency(stage, found, 6 if lab.short else MESSAGES, lab.within)
        await _typing(stage)
        await _presence(stage)
        await _takeover(stage)
        await _notes(stage)
        await _closed(stage)
        await _changes(stage)
        await _failed(stage)
        await stage.agree()
        found.violations += await stage.verdict()
        for name in stage.pages:
            found.violations += shifted(name, await stage.shifts(name))
    return found


async def _latency(stage: Stage, found: Found, messages: int, within: float) -> None:
    """From the key that sends a message to the frame that shows it, on every other page."""
    taken: list[float] = []
    for number in range(messages):
        for sender in stage.pages:
            text = f"({sender}: {number})"
            others = [page for name, page in stage.pages.items() if name != sender]
            for page in others:
                await page.evaluate("(text) => __expect(text)", text)
            stage.sent.append(text)
            await stage.write(sender, text)
            painted = [await _painted(stage, page, text) for page in others]
            pressed = await stage.pages[sender].evaluate("() => __seen.pressed")
            taken += [at - pressed for at in painted]
    found.measured("a message, from the key to another screen", taken)
    late = [one for one in taken if one > ON_A_FREE_MACHINE]
    found.figures[f"of these past {ON_A_FREE_MACHINE:.0f} ms"] = str(len(late))
    if max(taken) > within:
        found.violations.append(
            f"a message took {max(taken):.0f} ms to another screen, at most {within:.0f} are allowed"
        )


async def _painted(stage: Stage, page: Page, text: str) -> float:
    at: list[float | None] = [None]

    async def holds() -> bool:
        at[0] = await page.evaluate("(text) => __painted(text)", text)
        return at[0] is not None

    await stage.until(f"{text} is on every screen", holds)
    assert at[0] is not None
    return at[0]


async def _typing(stage: Stage) -> None:
    """Who types is on the other screens while they do, and not after."""
    for writer, reader, name in ((OPERATOR, "ada", "Olga"), ("ada", OPERATOR, "Ada")):
        field = stage.composer(writer)
        await field.press_sequentially("Let me", delay=30)
        await stage.shows_text(reader, f"{name}", within=20)
        await stage.until(f"{reader} sees that {name} types", partial(_types, stage, reader, name))
        await field.fill("")
        await stage.until(f"{reader} sees no more that {name} types", partial(_types_not, stage, reader, name))


async def _types(stage: Stage, reader: str, name: str) -> bool:
    found: list[str] = await stage.pages[reader].evaluate("() => __all('.activity .words').map((one) => one.innerText)")
    return any(name in text for text in found)


async def _types_not(stage: Stage, reader: str, name: str) -> bool:
    return not await _types(stage, reader, name)


async def _presence(stage: Stage) -> None:
    """The operator sees who is here."""
    page = stage.pages[OPERATOR]

    async def named() -> bool:
        text = " ".join(await page.evaluate("() => __all('.head .line, .pane-here').map((one) => one.innerText)"))
        return "Ada" in text and "Ben" in text

    await stage.until("the operator sees who is here", named)


async def _takeover(stage: Stage) -> None:
    page = stage.pages[OPERATOR]
    await page.get_by_role("button", name=exactly("Take over")).click()
    await page.get_by_role("button", name=exactly("Give back")).wait_for()
    conversation = (await stage.ask("GET", "")).json()
    if conversation["responder"] != "human" or not str(conversation.get("assignee", "")).startswith("agent:"):
        raise AssertionError(f"after a takeover the conversation is {json.dumps(conversation)[:300]}")
    await page.get_by_role("button", name=exactly("Give back")).click()
    await page.get_by_role("button", name=exactly("Take over")).wait_for()


async def _notes(stage: Stage) -> None:
    """A note is on the operators' screens, and never on a visitor's, not even in what their pages are sent."""
    page = stage.pages[OPERATOR]
    frames: list[str] = []
    for name in ("ada", "ben"):
        for socket in stage.opened[name].streams:
            socket.on("framereceived", lambda frame: frames.append(str(frame)))
    await page.locator(".composer label", has_text="Note").click()
    await stage.write(OPERATOR, "(this customer is a VIP)")
    await stage.shows_text(OPERATOR, "(this customer is a VIP)")
    await page.locator(".composer label", has_text="Reply").click()
    await stage.send(OPERATOR)
    await stage.agree()
    contents = [await stage.pages[name].content() for name in ("ada", "ben")]
    if not frames:
        raise AssertionError("the visitors' pages received nothing meanwhile")
    if any("VIP" in text for text in contents + frames):
        raise AssertionError("the operators' note is on a visitor's page, or was sent to it")


async def _closed(stage: Stage) -> None:
    """The operator closes the conversation, which its visitors see, and opens it again."""
    page = stage.pages[OPERATOR]
    await page.get_by_role("button", name=exactly("Close")).click()
    await page.get_by_role("button", name=exactly("Reopen")).wait_for()
    await stage.pages["ada"].get_by_placeholder("closed").wait_for()
    await page.get_by_role("button", name=exactly("Reopen")).click()
    await page.get_by_role("button", name=exactly("Close")).wait_for()


async def _changes(stage: Stage) -> None:
    """A visitor edits a message and removes another; all screens follow."""
    page = stage.pages["ada"]
    first = await stage.send("ada")
    second = await stage.send("ada")
    await stage.agree()
    await stage.act("ada", first, "Edit")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type(f"{first}, edited")
    await page.keyboard.press("Enter")
    stage.sent.remove(first)
    stage.sent.append(f"{first}, edited")
    for name in stage.pages:
        await stage.shows_text(name, f"{first}, edited")
    await stage.act("ada", second, "Remove")
    await page.locator(ROW, has_text=second).get_by_role("button", name=exactly("Remove")).click()
    stage.sent.remove(second)
    for name in stage.pages:

        async def gone(name: str = name) -> bool:
            return second not in await stage.pages[name].locator("body").inner_text()

        await stage.until(f"{name} does not show what was removed", gone)


async def _failed(stage: Stage) -> None:
    """The service refuses a message: it is shown as failed, and sent when the person tries again."""
    page = stage.pages["ben"]
    await page.route("**/messages", refuse)
    content = await stage.send("ben")
    failed = page.locator("li.row.failed", has_text=content)
    await failed.wait_for()
    await page.unroute("**/messages")
    await failed.get_by_role("button", name=exactly("Send again")).click()
    await page.locator("li.row.sent", has_text=content).wait_for()


__all__ = ["together"]
