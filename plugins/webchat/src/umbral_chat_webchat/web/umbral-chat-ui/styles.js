// The interface's style sheet, in a page or in a shadow root.

/** Roots that have it, or are about to. @type {WeakMap<Document | ShadowRoot, Promise<void>>} */
const added = new WeakMap();

/**
 * Adds the style sheet to the root that `node` is in, once. Resolves when it is loaded, or has failed: then the content is
 * shown plain. A page whose HTML has the sheet already is left alone.
 *
 * @param {Node} node @returns {Promise<void>}
 */
export function addStyles(node) {
  const found = node.getRootNode();
  const root = found instanceof ShadowRoot ? found : document;
  const known = added.get(root);
  if (known) return known;
  const href = new URL("./ui.css", import.meta.url).href;
  const inPage = root instanceof Document && [...root.styleSheets].some((sheet) => sheet.href === href);
  const done = inPage ? Promise.resolve() : link(root, href);
  added.set(root, done);
  return done;
}

/** Takes note that a root has the style sheet by other means, as a constructed one. @param {ShadowRoot} root */
export function hasStyles(root) {
  added.set(root, Promise.resolve());
}

/** @param {Document | ShadowRoot} root @param {string} href @returns {Promise<void>} */
function link(root, href) {
  return new Promise((resolve) => {
    const element = document.createElement("link");
    element.rel = "stylesheet";
    element.href = href;
    element.onload = element.onerror = () => resolve();
    (root instanceof Document ? root.head : root).append(element);
  });
}
