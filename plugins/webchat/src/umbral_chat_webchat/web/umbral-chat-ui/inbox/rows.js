// The list on the screen: one element a row, made once and moved, so that a thousand of them cost little.

import { make } from "../dom.js";
import { described, when } from "./describe.js";

/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Item } from "./list.js" */

/** @typedef {{item: Item, shown: string, element: HTMLLIElement, link: HTMLAnchorElement}} Row */

export class Rows {
  #strings;
  #people;
  #href;
  #select;
  #live;
  /** @type {Map<string, Row>} by conversation */
  #rows = new Map();
  element;

  /**
   * @param {object} parts
   * @param {Strings} parts.strings
   * @param {{subject: string, name: (subject: string) => string}} parts.people
   * @param {(id: string) => string} parts.href the page's address with this conversation open
   * @param {(id: string) => void} parts.select
   * @param {(id: string) => {typing: string, here: boolean}} parts.live
   */
  constructor({ strings, people, href, select, live }) {
    this.#strings = strings;
    this.#people = people;
    this.#href = href;
    this.#select = select;
    this.#live = live;
    this.element = make("ul", "entries", { "aria-label": strings.t("inbox.conversations") });
  }

  /** @param {readonly Item[]} items @param {string | null} current the open conversation @param {number} now milliseconds */
  show(items, current, now) {
    const day = new Date(now).toDateString();
    const focused = this.#focused();
    const wanted = new Set(items.map(({ id }) => id));
    const beside = focused && !wanted.has(focused) ? this.#beside(focused, wanted) : null;
    for (const [id, row] of this.#rows)
      if (!wanted.has(id)) {
        row.element.remove();
        this.#rows.delete(id);
      }
    let next = this.element.firstElementChild;
    for (const item of items) {
      const { element } = this.#row(item, day, item.id === current, now);
      if (element === next) next = next.nextElementSibling;
      else this.element.insertBefore(element, next);
    }
    // An element that is moved loses the focus; of one that is gone it goes to its neighbour.
    if (focused && focused !== this.#focused()) this.focus(beside ?? focused);
  }

  /** The nearest row that stays: below, else above. @param {string} id @param {Set<string>} wanted */
  #beside(id, wanted) {
    const element = this.#rows.get(id)?.element;
    for (const way of /** @type {const} */ (["nextElementSibling", "previousElementSibling"]))
      for (let one = element?.[way]; one; one = one[way]) {
        const other = /** @type {HTMLElement | null} */ (one.firstElementChild)?.dataset.conversation;
        if (other !== undefined && wanted.has(other)) return other;
      }
    return null;
  }

  /** Moves the focus to a row, if it is there. @param {string} id */
  focus(id) {
    const link = this.#rows.get(id)?.link;
    link?.focus({ preventScroll: true });
    link?.scrollIntoView({ block: "nearest" });
    return link !== undefined;
  }

  /** The conversation of the row that has the focus. @returns {string | null} */
  #focused() {
    const found = document.activeElement;
    return found instanceof HTMLElement && this.element.contains(found) ? (found.dataset.conversation ?? null) : null;
  }

  /** @param {Item} item @param {string} day @param {boolean} current @param {number} now */
  #row(item, day, current, now) {
    const live = this.#live(item.id);
    // What a row depends on besides its item; while it is the same, the row is left alone.
    const shown = JSON.stringify([day, current, live, item.row?.assignee ? this.#people.name(item.row.assignee) : ""]);
    const known = this.#rows.get(item.id);
    if (known && known.item === item && known.shown === shown) return known;
    const link = known?.link ?? this.#link(item.id);
    const element = known?.element ?? make("li", "entry", {}, link);
    this.#fill(link, item, live, now);
    if (current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    const row = { item, shown, element, link };
    this.#rows.set(item.id, row);
    return row;
  }

  /** @param {string} id */
  #link(id) {
    const open = (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab or window
      event.preventDefault();
      this.#select(id);
    };
    return make("a", "entry-link", { "data-conversation": id, onclick: open });
  }

  /** @param {HTMLAnchorElement} link @param {Item} item @param {{typing: string, here: boolean}} live @param {number} now */
  #fill(link, item, live, now) {
    const strings = this.#strings;
    const { title, preview, at, badges } = described(item, strings, this.#people);
    link.href = this.#href(item.id);
    link.classList.toggle("unread", item.unread > 0);
    link.replaceChildren(
      make("span", "entry-title", { dir: "auto" }, ...(live.here ? [this.#here()] : []), title),
      make("time", "entry-time", { dir: "auto", datetime: at, title: at && strings.dateTime(at) }, at && when(at, strings, now)),
      make("span", live.typing ? "entry-preview typing" : "entry-preview", { dir: "auto" }, live.typing || preview),
      ...(item.unread > 0 ? [this.#count(item)] : []),
      make("span", "entry-badges", {}, ...badges.map(({ kind, text }) => make("span", `badge ${kind}`, { dir: "auto" }, text))),
    );
  }

  #here() {
    const words = this.#strings.t("inbox.here");
    return make("span", "here", { title: words }, make("span", "visually-hidden", {}, words));
  }

  /** @param {Item} item */
  #count({ unread, counted }) {
    const text = counted ? this.#strings.t("inbox.unread", { count: unread }) : this.#strings.t("inbox.unread.some");
    const shown = make("span", "", { "aria-hidden": "true" }, counted ? (unread > 99 ? "99+" : String(unread)) : "");
    return make("span", counted ? "count" : "count uncounted", { "data-unread": unread }, shown, make("span", "visually-hidden", {}, text));
  }
}
