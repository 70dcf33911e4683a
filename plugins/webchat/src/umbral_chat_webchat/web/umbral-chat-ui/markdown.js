// A message's Markdown as elements: cleaned by DOMPurify, block by block, so that an answer that grows renders only its
// last block anew.

import { blocksOf } from "./blocks.js";
import DOMPurify from "./vendor/purify.js";

/** What Markdown makes, and nothing else: no form, image, frame or script. */
const TAGS = "a b blockquote br code del div em hr i li ol p pre s strong sub sup table tbody td th thead tr ul".split(" ");
const ATTRIBUTES = ["href", "title", "start", "align", "class", "tabindex"];

/** Classes that are set in blocks.js. */
const CLASSES = new Set(["heading", "scroll"]);

const LINKS = /^(?:https?:|mailto:)/i;

/** An instance of its own: hooks of another one in this page, or ours in it, change nothing. */
const purify = DOMPurify(window);
purify.addHook("uponSanitizeAttribute", (_node, data) => {
  if (data.attrName === "class" && !CLASSES.has(data.attrValue)) data.keepAttr = false;
});
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName !== "A") return;
  // Those that are linked to learn nothing of this page, and cannot move it.
  node.setAttribute("rel", "noopener noreferrer nofollow");
  node.setAttribute("target", "_blank");
});

/** What was rendered last into an element. @type {WeakMap<Element, {source: string, nodes: ChildNode[]}[]>} */
const rendered = new WeakMap();

/**
 * Shows the text in `element`. Blocks that were there before stay as they are.
 *
 * @param {Element} element @param {string} text
 */
export function render(element, text) {
  try {
    const blocks = blocksOf(text);
    if (blocks) return show(element, blocks);
  } catch {
    // A parser's stack is not endless.
  }
  rendered.delete(element);
  element.textContent = text;
  element.classList.add("plain");
}

/** @param {Element} element @param {import("./blocks.js").Block[]} blocks */
function show(element, blocks) {
  element.classList.remove("plain");
  let known = rendered.get(element) ?? [];
  if (known[0]?.nodes[0]?.parentNode !== element) {
    known = [];
    element.replaceChildren();
  }
  const other = known.findIndex(({ source }, at) => blocks[at]?.source !== source);
  const kept = other < 0 ? [...known] : known.slice(0, other);
  for (const { nodes } of known.slice(kept.length)) for (const node of nodes) node.remove();
  for (const { source, html } of blocks.slice(kept.length)) {
    const nodes = [...purified(html()).childNodes];
    element.append(...nodes);
    kept.push({ source, nodes });
  }
  rendered.set(element, kept);
}

/** @param {string} html @returns {DocumentFragment} */
function purified(html) {
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== "href"), // DOMPurify takes every other value for an address
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: LINKS,
    RETURN_DOM_FRAGMENT: true,
  });
}
