"""The page at `/schema`: the API's reference as HTML that loads nothing and runs no script.

It is made from the Markdown of `docs/reference/api.md`, of which it supports what that page uses: headings, paragraphs,
lists, tables, code and links within the page.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any

from umbral_chat._core.http.api_page import api_page

STYLE = """\
html { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-bottom: 1px solid; margin-top: 3rem; }
h3 { margin-top: 2rem; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #8888; padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; }
"""

POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's content security policy: its own style sheet is allowed, and nothing else."""

_CODE = re.compile(r"`([^`]*)`")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")


def schema_page(document: dict[str, Any]) -> str:
    """The HTML page for an OpenAPI document."""
    body = "\n".join(_blocks(api_page(document)))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(document['info']['title'])}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        '<p><a href="/schema/openapi.json">The OpenAPI document</a></p>\n'
        f"{body}\n</body>\n</html>\n"
    )


def _blocks(markdown: str) -> Iterator[str]:
    for block in re.split(r"\n{2,}", markdown.strip()):
        lines = block.splitlines()
        if (level := len(lines[0]) - len(lines[0].lstrip("#"))) and len(lines) == 1:
            words = lines[0][level:].strip()
            yield f'<h{level} id="{escape(words.lower())}">{_inline(words)}</h{level}>'
        elif lines[0].startswith("|"):
            yield _table(lines)
        elif lines[0].startswith("- "):
            yield "<ul>" + "".join(f"<li>{_inline(line.removeprefix('- '))}</li>" for line in lines) + "</ul>"
        else:
            yield f"<p>{_inline(' '.join(lines))}</p>"


def _table(lines: list[str]) -> str:
    rows = []
    for number, line in enumerate(lines):
        if number == 1:  # the dashes under the head
            continue
        kind = "td" if number else "th"
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        rows.append("<tr>" + "".join(f"<{kind}>{_inline(cell.strip())}</{kind}>" for cell in cells) + "</tr>")
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _inline(text: str) -> str:
    text = escape(text.replace("\\|", "|"))
    text = _CODE.sub(r"<code>\1</code>", text)
    return _LINK.sub(lambda found: _link(found[1], found[2]), text)


def _link(words: str, target: str) -> str:
    # Other pages of the reference are not served here.
    return f'<a href="{target}">{words}</a>' if target.startswith("#") else words


__all__ = ["POLICY", "STYLE", "schema_page"]
