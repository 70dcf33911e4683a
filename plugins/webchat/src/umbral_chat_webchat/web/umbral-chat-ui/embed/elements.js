// Elements and icons, made without markup in strings: a page that requires Trusted Types has nothing to refuse.

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name @param {Record<string, string>} [attributes] @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/** @typedef {{d: string, class?: string}[]} Paths in a square of 24, drawn as lines */

/** @type {Paths} */
export const BUBBLE = [{ d: "M4 5h16v11H10l-5 4v-4H4z" }, { d: "M8 9.5h8M8 12.5h5" }];

/** @type {Paths} */
export const CLOSE = [{ d: "M6 6l12 12M18 6L6 18" }];

/** @type {Paths} */
export const SOUND = [{ d: "M4 10v4h3l5 4V6L7 10z" }, { d: "M15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11", class: "waves" }];

/** @param {Paths} paths */
export function icon(paths) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const look = { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
  for (const [name, value] of Object.entries(look)) svg.setAttribute(name, value);
  for (const one of paths) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    for (const [name, value] of Object.entries(one)) path.setAttribute(name, value);
    svg.append(path);
  }
  return svg;
}
