"""What a visitor, a workflow and a human do, and what the stock widget must show of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .bridged import pushed_through, streamed_through
from .run import TYPING, NotSeen, Stage
from .verdict import REMOVED
from .workflow import Workflows

Scenario = Callable[[Stage], Awaitable[None]]


async def history(stage: Stage) -> None:
    """What was said before the page is opened, and again after it is loaded anew."""
    await stage.say("hello", "user")
    await stage.say("hello too")
    page = await stage.open("ada", await stage.context())
    await stage.shows("ada", "hello", "hello too")
    await stage.ask("ada", "one")
    await stage.shows("ada", "hello", "hello too", "one", "You said: one")
    await page.reload()
    await stage.shows("ada", "hello", "hello too", "one", "You said: one")


async def conversation(stage: Stage) -> None:
    """Questions and answers: the widget's bubbles and the log's messages are the same ones; equal texts stay two."""
    await stage.open("ada", await stage.context())
    for text in ("one", "two", "two"):
        await stage.ask("ada", text)
        await stage.until("ada", f"texts.at(-1) === 'You said: {text}' && texts.length % 2 === 0")
        await stage.agree()
    stage.repeated += ["user: two", "bot: You said: two"]


async def away(stage: Stage) -> None:
    """The answer comes while the page is away."""
    context = await stage.context()
    page = await stage.open("ada", context, "slow")
    await stage.ask("ada", "wait for it")
    await stage.until("ada", "companion.chat.state.seq === 1")
    await page.close()
    del stage.pages["ada"]
    if isinstance(stage.chats, Workflows):
        stage.chats.go.set()
    await stage.eventually("the answer is stored", lambda: _stored(stage, 2))
    await stage.open("ada", context)
    await stage.shows("ada", "wait for it", "You said: wait for it")


async def second_tab(stage: Stage) -> None:
    """Two tabs of one visitor: each shows what is written in the other."""
    context = await stage.context()
    await stage.open("ada", context)
    await stage.open("ada's other", context)
    for name, text in (("ada", "one"), ("ada's other", "two")):
        await stage.ask(name, text)
        for other in stage.pages:
            await stage.until(other, f"texts.includes('You said: {text}')")
        await stage.agree()


async def pushed(stage: Stage) -> None:
    """A message that a workflow sends later, and one of a human, whose name is shown."""
    await stage.open("ada", await stage.context())
    await stage.ask("ada", "one")
    await stage.until("ada", "texts.length === 2")
    await stage.say("pushed at night")
    await stage.say("I am a human.", "agent", id="ben", name="Ben")
    await stage.shows("ada", "one", "You said: one", "pushed at night", "Ben\n\nI am a human.")


async def typing(stage: Stage) -> None:
    """A human types, and stops; a run says what it does, and ends. The field stays usable."""
    await stage.open("ada", await stage.context(), reportTyping=True)
    sender = {"role": "agent", "id": "ben", "name": "Ben"}
    await stage.call("POST", "typing", {"sender": sender, "seconds": 30})
    await stage.shows("ada", "Ben …")
    await stage.ask("ada", "one")
    await stage.shows("ada", "one", "You said: one", "Ben …")
    await stage.call("POST", "typing", {"sender": sender, "typing": False})
    await stage.shows("ada", "one", "You said: one")
    await stage.call("POST", "runs", {"run_id": "r1"})
    await stage.call("POST", "runs/r1/progress", {"state": "tool", "label": "Looking up your order", "ttl": 60})
    await stage.until("ada", "texts.at(-1) === 'Looking up your order …'")
    await stage.call("POST", "runs/r1/end", {"outcome": "completed"})
    await stage.shows("ada", "one", "You said: one")
    await stage.pages["ada"].locator("textarea").press_sequentially("tw")
    await stage.eventually("the visitor types", lambda: _visitor_types(stage))


async def changed(stage: Stage) -> None:
    """Edits and redactions, of the widget's own bubbles and of others."""
    await stage.open("ada", await stage.context())
    await stage.ask("ada", "my secret")
    await stage.until("ada", "texts.length === 2")
    other = await stage.say("pushed")
    await stage.call("PATCH", f"messages/{await stage.stored('You said: my secret')}", {"content": "Noted."})
    await stage.call("PATCH", f"messages/{other}", {"content": "pushed, and edited"})
    await stage.call("DELETE", f"messages/{await stage.stored('my secret')}")
    await stage.shows("ada", REMOVED, "Noted.", "pushed, and edited")


async def drafted(stage: Stage) -> None:
    """An answer that is written piece by piece into the log."""
    await stage.open("ada", await stage.context())
    sender = {"role": "assistant"}
    await stage.call("POST", "drafts", {"message_id": "d", "offset": 0, "text": "Let me ", "sender": sender})
    await stage.shows("ada", "Let me")
    await stage.call("POST", "drafts", {"message_id": "d", "offset": 7, "text": "look.", "sender": sender})
    await stage.shows("ada", "Let me look.")
    await stage.call("POST", "messages", {"content": "Let me look.", "message_id": "d", "sender": sender})
    await stage.agree()


async def streamed(stage: Stage) -> None:
    """An answer that n8n streams into the widget, which the workflow stores."""
    await stage.open("ada", await stage.context(), "stream", widget={"enableStreaming": True})
    for text in ("a question of some words", "another one"):
        await stage.ask("ada", text)
        await stage.until("ada", f"texts.at(-1) === 'You said: {text}'")
        await stage.agree()


async def restored(stage: Stage) -> None:
    """The widget loads the last exchanges from n8n's memory: they are found in the log."""
    for content, role in (("hi", "user"), ("hello", "assistant"), ("hi", "user"), ("hello", "assistant")):
        await stage.say(content, role)
    await stage.say("pushed")
    await stage.say("more", "user")
    await stage.say("done")
    stage.repeated += ["user: hi", "bot: hello"]
    await stage.open("ada", await stage.context(), "memory", widget={"loadPreviousSession": True})
    await stage.shows("ada", "hi", "hello", "hi", "hello", "pushed", "more", "done")
    await stage.ask("ada", "one")
    await stage.until("ada", "texts.at(-1) === 'You said: one'")


async def silent(stage: Stage) -> None:
    """A workflow that stores nothing: the widget is as it is without us, and the console has one line."""
    await stage.open("ada", await stage.context(), "silent")
    stage.own["ada"] = ["one", "You said: one", "two", "You said: two"]
    stage.lines["ada"] = 1
    for text in ("one", "two"):
        await stage.ask("ada", text)
        await stage.until("ada", f"texts.at(-1) === 'You said: {text}'")
    await stage.eventually("a line in the console", lambda: _warned(stage, "ada"))
    await stage.say("pushed")
    await stage.shows("ada", *stage.own["ada"], "pushed")


async def failing(stage: Stage) -> None:
    """A run that fails: n8n's words stay where they are, and what comes later is shown below."""
    await stage.open("ada", await stage.context(), "fails")
    stage.own["ada"] = ["one", "Error in workflow"]
    await stage.ask("ada", "one")
    await stage.shows("ada", "one", "Error in workflow")
    await stage.say("pushed")
    await stage.shows("ada", "one", "Error in workflow", "pushed")


async def without_service(stage: Stage) -> None:
    """The service is gone: first when the page is opened, then in the middle. The widget works; later all is there."""
    context = await stage.context()
    await stage.service.kill()
    await stage.open("ada", context, "silent", followed=False)
    stage.own["ada"] = ["one", "You said: one"]
    await stage.ask("ada", "one")
    await stage.shows("ada", "one", "You said: one")
    await stage.service.start()
    await stage.open("ben", context, "silent")
    await stage.service.kill()
    stage.own["ben"] = ["two", "You said: two"]
    stage.lines["ben"] = 1
    await stage.ask("ben", "two")
    await stage.shows("ben", "two", "You said: two")
    await stage.service.start()
    await stage.say("pushed")
    await stage.shows("ben", "two", "You said: two", "pushed")
    await stage.eventually("a line in the console", lambda: _warned(stage, "ben"))
    await stage.pages.pop("ada").close()


async def unknown_widget(stage: Stage) -> None:
    """`$chat` is another: the widget is left as it is, and the console has one line."""
    await stage.open("ada", await stage.context(), followed=False, spoil=True)
    stage.own["ada"], stage.lines["ada"] = [], 1
    await stage.until("ada", "companion && companion.chat === null")
    await stage.ask("ada", "one")
    await stage.shows("ada", "one", "You said: one")
    await stage.say("pushed")
    await asyncio.sleep(1.0)
    await stage.shows("ada", "one", "You said: one")
    await stage.pages["ada"].evaluate(
        "window.bubbles = ((before) => () => [...before(), { side: 'bot', text: 'pushed' }])(bubbles)"
    )


async def markup(stage: Stage) -> None:
    """What people write is no HTML, and a name no Markdown."""
    page = await stage.open("ada", await stage.context())
    await stage.say('<img src="x" onerror="window.broken = true"><b>bold</b>', "agent", id="ben", name="*Ben* <b>")
    await stage.until("ada", "texts.length === 1")
    await asyncio.sleep(0.3)
    if await page.evaluate("Boolean(window.broken || document.querySelector('.chat-message img, .chat-message b'))"):
        raise NotSeen("a message was taken as HTML")


async def unmounted(stage: Stage) -> None:
    """The companion is detached: what the log brought goes, what the widget showed stays."""
    page = await stage.open("ada", await stage.context())
    await stage.say("pushed")
    await stage.ask("ada", "one")
    await stage.shows("ada", "pushed", "one", "You said: one")
    await page.evaluate("companion.detach()")
    await stage.shows("ada", "one", "You said: one")
    await page.close()
    del stage.pages["ada"]


async def documented(stage: Stage) -> None:
    """The page of the documentation, as a reader copies it: opened, asked, read marker, loaded again."""
    page = await stage.page("ada", await stage.context())
    await page.add_init_script(f"localStorage.chatSession = {stage.conversation!r}")
    await page.goto(f"{stage.site}/documented.html")
    await page.click(".chat-window-toggle")
    await page.fill("textarea", "Where is my order?")
    await page.press("textarea", "Enter")
    await page.wait_for_selector(".chat-message-from-bot >> text=You said: Where is my order?")
    await stage.say("pushed")
    await page.wait_for_selector(".chat-message-from-bot >> text=pushed")
    await stage.eventually("it is read", lambda: _read(stage))
    await page.reload()
    await page.click(".chat-window-toggle")
    await page.wait_for_selector(".chat-message-from-bot >> text=pushed")
    await page.wait_for_function(f"!document.querySelector('{TYPING}')")
    await page.evaluate(
        """window.seen = { repeats: [] };
        window.bubbles = () => [...document.querySelectorAll(".chat-message")].slice(2).map((one) => ({
          side: one.classList.contains("chat-message-from-user") ? "user" : "bot", text: one.innerText.trim() }))"""
    )


async def _stored(stage: Stage, messages: int) -> bool:
    return len(await stage.log()) >= messages


async def _visitor_types(stage: Stage) -> bool:
    return any(one["role"] == "user" for one in (await stage.call("GET", "events?after=0")).json()["typing"])


async def _warned(stage: Stage, name: str) -> bool:
    return any("does not store" in line for line in stage.console[name])


async def _read(stage: Stage) -> bool:
    """Whether the visitor has read everything, as the visitor's token sees it."""
    headers = {"Authorization": f"Bearer {await stage.token()}"}
    answer = await stage.visitor.ask("GET", f"/v1/conversations/{stage.conversation}", headers=headers)
    return bool(answer.json()["unread"] == 0)


SCENARIOS: dict[str, Scenario] = {
    "history": history,
    "conversation": conversation,
    "away": away,
    "second-tab": second_tab,
    "pushed": pushed,
    "typing": typing,
    "changed": changed,
    "drafted": drafted,
    "streamed": streamed,
    "restored": restored,
    "failing": failing,
    "silent": silent,
    "without-service": without_service,
    "unknown-widget": unknown_widget,
    "markup": markup,
    "unmounted": unmounted,
    "documented": documented,
    "bridge-streams": streamed_through,
    "bridge-pushes": pushed_through,
}
"""By name, in the order in which they run."""

IN_N8N = (
    "history",
    "conversation",
    "away",
    "second-tab",
    "pushed",
    "typing",
    "changed",
    "without-service",
    "documented",
)
"""Those that say something of a real n8n."""

__all__ = ["IN_N8N", "SCENARIOS", "Scenario"]
