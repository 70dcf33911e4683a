// Making elements.

/**
 * An element with a class, attributes and children. A property that the element has as such (`onclick`, `textContent`) is
 * set, anything else is an attribute; null and false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name @param {string} className @param {Record<string, any>} [properties] @param {(Node | string | null)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(name, className, properties = {}, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  for (const [key, value] of Object.entries(properties)) set(element, key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @param {HTMLElement} element @param {string} key @param {any} value */
function set(element, key, value) {
  if (key in element && (typeof value === "function" || key === "textContent")) /** @type {any} */ (element)[key] = value;
  else if (value !== null && value !== false && value !== undefined) element.setAttribute(key, value === true ? "" : String(value));
}

/** Sets the text only where it is another, so that nothing is announced or laid out in vain. @param {Node} node @param {string} text */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** An icon, drawn in the text's colour on a field of 24 × 24. @param {string} path */
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(svg.namespaceURI, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  send: "M4 12 20 4l-5 16-3-7z",
  down: "M12 5v14m-6-6 6 6 6-6",
  copy: "M9 9h10v11H9zM5 15V4h10",
  edit: "M4 20h4L19 9l-4-4L4 16z",
  remove: "M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13",
  stop: "M7 7h10v10H7z",
  sent: "m5 13 4 4L19 7",
  seen: "m1.5 13 4 4L14.5 7M10 16.5l.5.5L20.5 7",
  clock: "M12 7v5l3 3M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  alert: "M12 7v6m0 3.5v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
};
