"""Each state of the pages, as axe sees it; and that nothing is wider than the screen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.local_supabase.stack.npm import modules

from .conversations import ARABIC, ORDER, Talk, written
from .lab import Found, Lab
from .states import CHAT_STATES, INBOX_STATES, State

HERE = Path(__file__).parent

LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True},
    "twice as large": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
}
"""How the pages are looked at: options of a browser. 200 % zoom is half the width in CSS pixels (WCAG 2.2, 1.4.4)."""

SHORT = (("history", "light"), ("a growing answer", "dark"), ("without a token", "light"), ("a conversation", "light"))
"""Of the short run."""

OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = __all("body *").filter((one) => one.getBoundingClientRect().right > width + 1);
  return wide.slice(0, 5).map((one) => `${one.localName}.${one.className}`);
}"""
"""What makes a page scroll sideways."""

AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, impact, help, nodes }) => ({
    id, impact, help,
    nodes: nodes.slice(0, 4).map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`),
  }));
}"""


async def accessibility(lab: Lab) -> Found:
    """Every state in every look, in English; the history and the inbox also from right to left."""
    found = Found()
    seen = 0
    for name, state in {**CHAT_STATES, **INBOX_STATES}.items():
        for look in LOOKS:
            if not lab.short or (name, look) in SHORT:
                await _looked_at(lab, found, f"{name}, {look}", state, ORDER, "lang=en", LOOKS[look])
                seen += 1
    if not lab.short:
        for name in ("history", "a growing answer", "a conversation"):
            state = CHAT_STATES.get(name) or INBOX_STATES[name]
            await _looked_at(lab, found, f"{name}, right to left", state, ARABIC, "lang=en&dir=rtl", {})
            seen += 1
    found.figures["states that axe looked at"] = str(seen)
    return found


async def _looked_at(
    lab: Lab, found: Found, name: str, state: State, talk: Talk, query: str, look: dict[str, Any]
) -> None:
    async with lab.stage("axe") as stage:
        try:
            stage.conversation = await written(stage.api, talk, suffix=f".{stage.conversation}")
            context = await stage.context(**look, reduced_motion="reduce")
            page = await state(stage, context, query)
            found.violations += [f"{name}: {one}" for one in await judged(page)]
        except Exception as error:  # noqa: BLE001 - of any kind: it is reported, and the next state is looked at
            found.violations.append(f"{name}: {type(error).__name__}: {str(error)[:600]}")


async def judged(page: Page) -> list[str]:
    """What axe finds, and what is wider than the screen."""
    if not await page.evaluate("() => 'axe' in window"):
        # Playwright evaluates it in the page's own world: the page's policy keeps it from loading a script.
        await page.evaluate(f"() => {{ {axe()} }}")
    found = [
        f"axe: {one['id']} ({one['impact']}): {one['help']}: {' | '.join(one['nodes'])}"
        for one in await page.evaluate(AXE)
    ]
    wide = await page.evaluate(OVERFLOW)
    return found + ([f"wider than the screen: {', '.join(wide)}"] if wide else [])


@cache
def axe() -> str:
    """The program of the package axe-core, which sets a global."""
    return (modules(HERE / "node") / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


__all__ = ["LOOKS", "accessibility", "judged"]
