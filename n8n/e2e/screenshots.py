"""Pictures of the workflows in n8n's editor, for the documentation: python -m n8n.e2e.screenshots [NAME …].

They are imported as they are shipped, so a picture also shows what the editor makes of them: a node that it does not
know or a credential that it does not find by its name is marked there. n8n and its folder are gone at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n8n.e2e.harness.agent import model_credential
from n8n.e2e.harness.community import credential
from n8n.e2e.harness.copies import WORKFLOWS, Copy, Credential, load, webhook_credential
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.package import by_tarball
from n8n.e2e.harness.process import say
from n8n.e2e.harness.server import N8n, n8n_server
from tests.labs.kit.chromium import find_chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images" / "n8n"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
WIDTH, HEIGHT = 1600, 700
CANVAS = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT - 44}
"""Without the bar of the logs at the bottom."""
LARGEST = 150_000
"""Bytes of a picture."""
PATIENCE = 120_000.0
"""Milliseconds for the editor to load: several times what a loaded machine takes."""
KEY = "a-key-that-is-never-used"
QUALITY = 72

# What is around the canvas, and what is laid over it.
HIDDEN = """
  [data-test-id=main-sidebar], #header, #sidebar, [data-test-id=canvas-controls], .ask-assistant-floating-button,
  [data-test-id=canvas-plus-button], [data-test-id=node-creator], [data-test-id=node-creator-plus-button],
  [data-test-id=canvas-wrapper] ~ *, .el-notification, [class*=_nodeButtonsWrapper], [class*=executionButtons],
  [data-test-id=canvas-handle-plus-wrapper], .vue-flow__minimap { display: none !important; }
"""


@dataclass(frozen=True)
class Shipped(Copy):
    """A workflow as it is."""

    @property
    def id(self) -> str:
        return str(load(self.file)["id"])

    @property
    def called(self) -> bool:
        return False

    def workflow(self) -> dict[str, Any]:
        return load(self.file)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m n8n.e2e.screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which workflows: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--into", type=Path, default=IMAGES, help="folder (default: docs/images/n8n)")
    given = parser.parse_args(arguments)
    names = given.names or NAMES
    if unknown := sorted({*names} - {*NAMES}):
        parser.error(f"no such workflow: {', '.join(unknown)}")
    if (chromium := find_chromium()) is None:
        return 2
    given.into.mkdir(parents=True, exist_ok=True)
    header = Credential("shotKey000000001", "Umbral Chat key", KEY)
    api = credential("Api", "http://127.0.0.1:8750", KEY) | {"name": "Umbral Chat API"}
    copies = [Shipped(name, f"{name}.json", "", header) for name in names]
    with tempfile.TemporaryDirectory(prefix="umbral-chat-screenshots-") as temporary:
        folder, logs = Path(temporary) / "n8n", Path(temporary) / "logs"
        installed = ensure_installed()
        settings = by_tarball(installed, folder, logs)
        credentials = [header.exported(), api, webhook_credential("whsec_a2V5")]
        credentials += [webhook_credential("whsec_a2V5", name) for name in ("unread", "closed")]
        credentials.append(model_credential("http://127.0.0.1:9/v1") | {"name": "OpenAI account"})
        with n8n_server(installed, folder, logs, credentials, copies, publish=False, settings=settings) as n8n:
            sizes = take(n8n, copies, given.into, chromium)
    for name, size in sizes.items():
        say(f"{name}: {size / 1000:.0f} kB")
    return 1 if max(sizes.values()) > LARGEST else 0


def take(n8n: N8n, copies: Sequence[Shipped], into: Path, chromium: str) -> dict[str, int]:
    """The pictures' sizes in bytes, by name."""
    from playwright.sync_api import sync_playwright

    sizes = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        context.add_cookies(
            [{"name": name, "value": value, "url": n8n.url} for name, value in n8n.editor.cookies.items()]
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        for copy in copies:
            page.goto(f"{n8n.url}/workflow/{copy.id}")
            page.locator(".vue-flow__node").first.wait_for()
            page.add_style_tag(content=HIDDEN)
            count = len(copy.workflow()["nodes"])
            page.wait_for_function(f"document.querySelectorAll('.vue-flow__node').length >= {count}")
            page.evaluate("document.fonts.ready")
            page.mouse.click(5, 5)  # the canvas has the keys
            page.keyboard.press("1")  # the editor's key for: zoom to fit
            settled(page)
            file = into / f"{copy.name}.jpg"
            page.screenshot(path=file, type="jpeg", quality=QUALITY, animations="disabled", clip=CANVAS)
            sizes[copy.name] = file.stat().st_size
        browser.close()
    return sizes


def settled(page: Any) -> None:
    """Wait until the canvas has moved and stands still."""
    where = "document.querySelector('.vue-flow__transformationpane').style.transform"
    page.wait_for_function(
        f"""() => {{ const now = {where}; const same = window.lastTransform === now ? window.sameFor + 1 : 0;
        window.lastTransform = now; window.sameFor = same; return same > 5; }}""",
        polling=200,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
