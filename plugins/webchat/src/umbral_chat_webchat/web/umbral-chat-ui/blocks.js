// A message's Markdown as blocks of HTML, by marked. Pure, and not yet to be trusted: see markdown.js.

import { Marked } from "./vendor/marked.js";

/** Longer texts are shown as they are: rendering must not hold a page up. In UTF-16 units. */
const LONGEST = 40_000;

const marked = new Marked({ gfm: true, breaks: true });
marked.use({
  renderer: {
    // HTML in a message is text like any other.
    html: ({ text, block }) => (block ? `<p>${escaped(text.trim())}</p>` : escaped(text)),
    // An image would say to whoever serves it that the message is read: it is a link.
    image: ({ href, text, title }) => `<a href="${escaped(href)}"${title ? ` title="${escaped(title)}"` : ""}>${escaped(text || href)}</a>`,
    // A message's headings are not the page's.
    heading({ tokens }) {
      return `<p class="heading">${this.parser.parseInline(tokens)}</p>`;
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    // What may be wider than the screen is scrolled by itself, with the keyboard, too.
    code: ({ text }) => `<pre class="scroll" tabindex="0"><code>${escaped(text)}</code></pre>`,
    table({ header, rows }) {
      const row = (/** @type {Cell[]} */ cells, /** @type {string} */ tag) =>
        `<tr>${cells.map(({ align, tokens }) => `<${tag}${align ? ` align="${align}"` : ""}>${this.parser.parseInline(tokens)}</${tag}>`).join("")}</tr>`;
      const body = rows.map((cells) => row(cells, "td")).join("");
      return `<div class="scroll" tabindex="0"><table><thead>${row(header, "th")}</thead><tbody>${body}</tbody></table></div>`;
    },
  },
});

/** @typedef {import("./vendor/marked.js").Cell} Cell */

/** A block: what tells whether it is the same as before, and its HTML. @typedef {{source: string, html: () => string}} Block */

/**
 * The blocks of a text; null: it is shown as it is, because it is too long, or nested too deep.
 *
 * @param {string} text @returns {Block[] | null}
 */
export function blocksOf(text) {
  if (text.length > LONGEST) return null;
  try {
    const tokens = marked.lexer(text);
    // A link's address may stand in another block: then each block is what it is with all addresses.
    const links = Object.keys(tokens.links ?? {}).length ? JSON.stringify(tokens.links) : "";
    return tokens
      .filter(({ type }) => type !== "space" && type !== "def")
      .map((token) => ({ source: token.raw + links, html: () => marked.parser([token]) }));
  } catch {
    return null;
  }
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
