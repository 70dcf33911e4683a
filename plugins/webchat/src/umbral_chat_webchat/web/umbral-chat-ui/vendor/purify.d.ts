/** What is used of DOMPurify, as far as it is used. */

interface Purify {
  addHook(name: "uponSanitizeAttribute", hook: (node: Element, data: { attrName: string; attrValue: string; keepAttr: boolean }) => void): void;
  addHook(name: "afterSanitizeAttributes", hook: (node: Element) => void): void;
  sanitize(html: string, options: Record<string, unknown> & { RETURN_DOM_FRAGMENT: true }): DocumentFragment;
}

export default function DOMPurify(window: Window): Purify;
