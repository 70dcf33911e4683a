"""What every page that shows a conversation goes through, with the screens of visitors and operator checked against the
log."""

from __future__ import annotations

from tests.labs.kit.chat_pages import TRANSITIONS

from .lab import Check, Found, Lab


def transition(name: str) -> Check:
    """The check of one of them."""

    async def check(lab: Lab) -> Found:
        found = Found()
        async with lab.stage(name, operator=True) as stage:
            await TRANSITIONS[name](stage)
            await stage.agree()
            found.violations += await stage.verdict()
            # Layout shifts are not judged: what was stored meanwhile comes before a message that was not, and moves it.
        return found

    return check


__all__ = ["transition"]
