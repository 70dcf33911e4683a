"""A whole conversation led by the keyboard alone, by visitor and operator: no mouse, no focus set by a program."""

from __future__ import annotations

from playwright.async_api import Locator, Page

from tests.labs.kit.chat_pages import NotSeen

from .lab import Found, Lab
from .run import OPERATOR, ROW, Stage, exactly
from .states import refuse

MOST = 80
"""Presses of Tab after which something counts as out of reach."""

FOCUS = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one || one === document.body) return null;
  const ring = (element) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
  };
  // A field's ring may be around its line, and that of a hidden radio button around its label's words.
  const line = one.parentElement?.matches(":focus-within") ? [one.parentElement] : [];
  const words = [...(one.labels?.[0]?.children ?? [])];
  const visible = [one, ...line, ...words].some(ring);
  const { width, height } = one.getBoundingClientRect();
  const label = one.getAttribute("aria-label") ?? one.innerText ?? "";
  return { visible, name: `${one.localName} ${label.slice(0, 40)}`, shown: width > 0 && height > 0 };
}"""
"""What has the focus, and whether a person sees that."""


class Keys:
    """One person's keyboard, which notes where the focus cannot be seen."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.unseen: set[str] = set()

    async def press(self, *keys: str) -> None:
        """One after the other."""
        for key in keys:
            await self._page.keyboard.press(key)

    async def type(self, text: str) -> None:
        """Letter by letter, into what has the focus."""
        await self._page.keyboard.type(text)

    async def reach(self, target: Locator, *, backwards: bool = False) -> None:
        """Press Tab until it has the focus. Raises NotSeen."""
        await target.first.wait_for()
        for _ in range(MOST):
            if await self.has(target):
                return
            await self.press("Shift+Tab" if backwards else "Tab")
            at = await self._page.evaluate(FOCUS)
            if at and at["shown"] and not at["visible"]:
                self.unseen.add(at["name"])
        raise NotSeen(f"{MOST} × Tab do not reach {target}; the focus is on {await self._page.evaluate(FOCUS)}")

    async def to_row(self, text: str) -> None:
        """Go to the list, one stop of Tab, and with the arrows to the message with this text. Raises NotSeen."""
        rows = self._page.locator(ROW)
        await self.reach(self._page.locator(f"{ROW}[tabindex='0']"), backwards=True)
        await self.press("End")
        for _ in range(await rows.count()):
            if await self.has(rows.filter(has_text=text)):
                return
            await self.press("ArrowUp")
        raise NotSeen(f"the arrows do not lead to {text!r}")

    async def has(self, target: Locator) -> bool:
        """Whether it has the focus."""
        found: bool = await target.first.evaluate("(one) => one.getRootNode().activeElement === one")
        return found

    async def activate(self, target: Locator, key: str = "Enter") -> None:
        """Reach it, and press Enter."""
        await self.reach(target)
        await self.press(key)


async def keyboard(lab: Lab) -> Found:
    """Both people, one after the other, and then together."""
    found = Found()
    async with lab.stage("keyboard") as stage:
        page = await stage.open("ada", await stage.context())
        visitor = Keys(page)
        await _visitor(stage, page, visitor)
        page = await stage.page(OPERATOR, await stage.context())
        operator = Keys(page)
        await _operator(stage, page, operator)
        await stage.agree()
        found.violations += await stage.verdict()
        for name, keys in (("the visitor's page", visitor), ("the inbox", operator)):
            found.violations += [f"{name}: the focus cannot be seen on {one}" for one in sorted(keys.unseen)]
    return found


async def _visitor(stage: Stage, page: Page, keys: Keys) -> None:
    """Write, edit, remove, and send again what failed."""
    composer = stage.composer("ada")
    await keys.reach(composer)
    for text in ("first by keyboard", "second by keyboard", "third by keyboard"):
        await keys.type(text)
        await keys.press("Enter")
        if not await keys.has(composer):
            raise NotSeen("after a message was sent the focus is not in the composer")
    await page.locator("li.row.sent", has_text="third by keyboard").wait_for()

    await keys.to_row("second by keyboard")
    await keys.activate(page.locator(ROW, has_text="second by").get_by_role("button", name=exactly("Edit")))
    await keys.press("End")
    await keys.type(", edited")
    await keys.press("Enter")
    await stage.shows_text("ada", "second by keyboard, edited")

    await keys.to_row("third by keyboard")
    remove = page.locator(ROW, has_text="third by").get_by_role("button", name=exactly("Remove"))
    await keys.activate(remove)
    await keys.activate(remove)  # the same name, of the question whether it is meant
    await page.locator("li.row.redacted").wait_for()

    await page.route("**/messages", refuse)
    await keys.reach(composer)
    await keys.type("refused at first")
    await keys.press("Enter")
    failed = page.locator("li.row.failed")
    await failed.wait_for()
    await page.unroute("**/messages")
    await keys.activate(failed.get_by_role("button", name=exactly("Send again")))
    await page.locator("li.row.sent", has_text="refused at first").wait_for()
    stage.sent += ["first by keyboard", "second by keyboard, edited", "refused at first"]


async def _operator(stage: Stage, page: Page, keys: Keys) -> None:
    """Sign in, open the conversation, take it over, answer, note, close, reopen, give back, read the help."""
    await page.goto(f"{stage.url}/inbox?lang=en")
    key = page.locator("input[type=password]")
    await key.wait_for()
    await keys.reach(page.get_by_label("Your name"))
    await keys.type("Olga Petrova")
    await keys.reach(key)
    await keys.type(stage.key)
    await keys.press("Enter")

    entry = page.locator(f"[data-conversation='{stage.conversation}']")
    await entry.first.wait_for()
    await keys.press("?")
    await page.get_by_role("dialog").wait_for()
    await keys.press("Escape")
    await page.get_by_role("dialog").wait_for(state="hidden")
    await keys.activate(entry)
    await page.locator("li.row.sent").first.wait_for()

    await keys.activate(page.get_by_role("button", name=exactly("Take over")))
    await page.get_by_role("button", name=exactly("Give back")).wait_for()
    composer = stage.composer(OPERATOR)
    await keys.reach(composer)
    await keys.type("Hello, this is Olga.")
    await keys.press("Enter")
    stage.sent.append("Hello, this is Olga.")
    await stage.shows_text("ada", "Hello, this is Olga.")

    for mode in ("Note", "Reply"):
        radio = page.get_by_role("radio", name=exactly(mode))
        # The group is one stop of Tab; the arrows choose in it (ARIA APG, radio group).
        await keys.reach(page.locator(".composer input[type=radio]:checked"), backwards=True)
        await keys.press("ArrowRight" if mode == "Note" else "ArrowLeft")
        if not await radio.is_checked():
            raise NotSeen(f"the arrows do not choose {mode}")
        if mode == "Note":
            await keys.reach(composer)
            await keys.type("a note by keyboard")
            await keys.press("Enter")
            await page.locator("li.row.note", has_text="a note by keyboard").wait_for()

    for before, after in (
        ("Close", "Reopen"),
        ("Reopen", "Close"),
        ("Give back", "Take over"),
    ):
        await keys.activate(page.get_by_role("button", name=exactly(before)))
        await page.get_by_role("button", name=exactly(after)).wait_for()


__all__ = ["keyboard"]
