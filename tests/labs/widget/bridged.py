"""The stock widget without its companion, pointed at the service's gateway to a workflow that stores nothing."""

from __future__ import annotations

from .run import TYPING, Stage

PUSHING, STREAMING = "pushing", "streaming"
"""The two chats."""

BRIDGED = {"bridge-streams": f"{STREAMING}:", "bridge-pushes": f"{PUSHING}:"}
"""The prefixes of the scenarios' conversations."""


async def streamed_through(stage: Stage) -> None:
    """A streamed answer, and the history after a reload."""
    widget = {"webhookUrl": _gateway(stage, STREAMING), "enableStreaming": True, "loadPreviousSession": True}
    page = await stage.open("ada", await stage.context(), followed=False, companion=False, widget=widget)
    await stage.ask("ada", "one")
    await stage.shows("ada", "one", "You said: one")
    await page.reload()
    await stage.shows("ada", "one", "You said: one")
    await stage.ask("ada", "two")
    await stage.shows("ada", "one", "You said: one", "two", "You said: two")


async def pushed_through(stage: Stage) -> None:
    """An agent's message and a later one appear in the open widget, and what is typed then goes over its socket."""
    widget = {"webhookUrl": _gateway(stage, PUSHING)}
    await stage.open("ada", await stage.context(), followed=False, companion=False, widget=widget)
    await stage.ask("ada", "one")
    await stage.shows("ada", "one", "You said: one")
    await stage.say("I am a human.", "agent", id="ben")
    await stage.shows("ada", "one", "You said: one", "I am a human.")
    await stage.ask("ada", "two")
    await stage.shows("ada", "one", "You said: one", "I am a human.", "two", "You said: two")
    # The field is free, and the dots are there while something is being written.
    draft = {"message_id": "d", "offset": 0, "text": "Your parcel", "sender": {"role": "assistant"}}
    await stage.call("POST", "drafts", draft)
    await stage.until("ada", f"document.querySelector('{TYPING}')")
    await stage.call(
        "POST", "messages", {"content": "Your parcel is here.", "message_id": "d", "sender": draft["sender"]}
    )
    await stage.until("ada", "texts.at(-1) === 'Your parcel is here.'")


def _gateway(stage: Stage, chat: str) -> str:
    return f"{stage.url}/n8n/{chat}/chat"


__all__ = ["BRIDGED", "PUSHING", "STREAMING", "pushed_through", "streamed_through"]
